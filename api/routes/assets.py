"""The route of assets: the rank of their instruments, the health of each, and which one answers."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter

from api.errors import problems
from api.payloads.assets import AssetAnswerPayload, AssetPayload, AssetsPayload, RankedInstrumentPayload
from api.payloads.shared import fallback_fields
from api.reading.assets import AssetsPart, JudgedAsset
from api.reading.clocks import data_age_s
from api.reading.parts import SettingsPart
from api.reading.runs import RunPart
from schemas.targets import TargetPair

router = APIRouter(tags=["stream"])


@router.get(
    "/v1/assets",
    summary="The assets, and which instrument answers for each",
    responses=problems(HTTPStatus.SERVICE_UNAVAILABLE),
)
def assets(*, reader: AssetsPart, run: RunPart, settings: SettingsPart) -> AssetsPayload:
    """Lists the ranked instruments of each asset with the health of each, and the one that answers for each target."""
    judged = reader.all_judged()
    return AssetsPayload(
        stream=run.stream,
        stream_kind=run.kind(),
        now_ms=next((one.judging.now_ms for one in judged.values()), None),
        assets=[
            AssetPayload(asset=asset, instruments=_instruments(one), answers=_answers(one, settings.served))
            for asset, one in judged.items()
        ],
    )


def _instruments(judged: JudgedAsset) -> list[RankedInstrumentPayload]:
    listed: list[RankedInstrumentPayload] = []
    for facts, reason in zip(judged.facts, judged.why_unhealthy(), strict=True):
        newest_ms = None if facts.newest_bar is None else facts.newest_bar[1]
        listed.append(
            RankedInstrumentPayload(
                rank=len(listed) + 1,
                instrument=facts.instrument,
                source=facts.source,
                is_healthy=reason is None,
                reason=reason,
                newest_bar_ms=newest_ms,
                newest_bar_age_s=None if newest_ms is None else data_age_s(newest_ms, judged.judging.now_ms),
            )
        )
    return listed


def _answers(judged: JudgedAsset, served: Sequence[TargetPair]) -> list[AssetAnswerPayload]:
    answering = {target: judged.for_predictions(target) for target in served}
    return [
        AssetAnswerPayload(
            interval=target.interval,
            horizon=target.horizon,
            is_default=target == served[0],
            instrument=one.instrument,
            **fallback_fields(one),
        )
        for target, one in answering.items()
    ]
