"""The routes of market data: the newest features and bars of an instrument."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import problems
from api.payloads.markets import BarsPayload, FeaturesPayload, bar_payload, features_payload
from api.payloads.shared import fallback_fields, is_simulated
from api.reading.assets import AssetsPart
from api.reading.bars import BarsPart
from api.reading.features import FeaturesPart
from api.reading.parameters import IntervalPart, NamePart
from api.reading.parts import SettingsPart
from api.reading.runs import RunPart
from schemas.errors import NotReadyError

router = APIRouter(tags=["market"])
_PROBLEMS = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get(
    "/v1/features/{name}",
    summary="The newest features",
    responses=_PROBLEMS,
)
def newest_features(
    *,
    features: FeaturesPart,
    assets: AssetsPart,
    run: RunPart,
    settings: SettingsPart,
    name: NamePart,
    interval: IntervalPart = None,
) -> FeaturesPayload:
    """Answers with the feature values at the close of the newest bar, by feature name."""
    wanted = settings.default.interval if interval is None else interval
    answering = assets.for_bars(name, wanted)
    found = features.newest(instrument=answering.instrument, interval=wanted)
    if found is None:
        message = f"there are no features yet of {answering.instrument} {wanted}: no bar has closed"
        raise NotReadyError(message)
    return features_payload(found.event, answering=answering, kind=run.kind(), served_from=found.store)


@router.get("/v1/bars/{name}", summary="The newest bars", responses=_PROBLEMS)
def newest_bars(
    *,
    bars: BarsPart,
    assets: AssetsPart,
    run: RunPart,
    settings: SettingsPart,
    name: NamePart,
    interval: IntervalPart = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The largest number of bars.")] = 100,
) -> BarsPayload:
    """Answers with the bars that this platform built, oldest first. The list is empty until the first bar has closed."""
    wanted = settings.default.interval if interval is None else interval
    answering = assets.for_bars(name, wanted)
    instrument = answering.instrument
    found = bars.newest(instrument=instrument, interval=wanted, limit=limit)
    source = found[-1].source if found else None
    return BarsPayload(
        instrument=instrument,
        interval=wanted,
        stream=run.stream,
        source=source,
        is_simulated=is_simulated(source=source or "", instrument=instrument, kind=run.kind()),
        bars=[bar_payload(bar) for bar in found],
        **fallback_fields(answering),
    )
