"""The routes for operation: liveness, readiness and Prometheus metrics."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.payloads.health import (
    AlivePayload,
    CheckPayload,
    FailingArmPayload,
    ReadyPayload,
    ReadyTargetPayload,
    failing_arm_payload,
)
from api.reading.alarms import AlarmsPart, LeakAlarms
from api.reading.clocks import ClockPart, RunClock, data_age_s
from api.reading.parts import MetricsPart, SettingsPart
from api.reading.predictions import PredictionReader, PredictionsPart
from api.reading.promotions import PromotionReader, PromotionsPart
from api.reading.readiness import NewestMade, ReadinessPart, ReadinessReader
from api.reading.runs import RunPart, RunReader
from api.reading.targets import TargetFinder, TargetsPart
from api.reading.waiting import missing_words
from schemas.errors import PlatformError
from schemas.targets import Target, TargetPair
from schemas.time import text_of_time

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process lives")
async def alive() -> AlivePayload:
    """Answers as long as the process runs, even if the stores do not answer."""
    return AlivePayload(status="alive")


@router.get(
    "/readyz",
    summary="Whether predictions can be served",
    response_model=ReadyPayload,
    responses={503: {"model": ReadyPayload, "description": "Not ready; the checks state why."}},
)
def ready(
    settings: SettingsPart,
    readiness: ReadinessPart,
    targets: TargetsPart,
    promotions: PromotionsPart,
    alarms: AlarmsPart,
) -> Response:
    """The API is ready when Redis and Postgres answer and one configured target has a prediction. Lists every target."""
    prediction, listed = _predictions(targets, readiness, promotions, alarms, default=settings.default)
    checks = [
        _store("redis", is_ok=readiness.is_redis_ready()),
        _store("postgres", is_ok=readiness.is_postgres_ready()),
        prediction,
    ]
    answer = ReadyPayload(
        is_ready=all(check["is_ok"] for check in checks),
        checks=checks,
        targets=listed,
        failing=_failing(readiness),
    )
    return Response(
        msgspec.json.encode(answer),
        status_code=HTTPStatus.OK if answer["is_ready"] else HTTPStatus.SERVICE_UNAVAILABLE,
        headers={} if answer["is_ready"] else {"Retry-After": "2"},
        media_type="application/json",
    )


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
def metrics(
    *,
    shown: MetricsPart,
    run: RunPart,
    targets: TargetsPart,
    predictions: PredictionsPart,
    clock: ClockPart,
    readiness: ReadinessPart,
) -> Response:
    """Answers with metrics in the text format of Prometheus. The data age of the default target is of this moment."""
    target = _default_target(run, targets)
    if target is not None:
        shown.set_data_age(target, _data_age_s(predictions, clock, target))
    shown.set_failed({target: found.n_failed for target, found in readiness.failures().items()})
    return Response(shown.exposition(), media_type=CONTENT_TYPE_LATEST)


def _store(name: str, *, is_ok: bool) -> CheckPayload:
    return CheckPayload(name=name, is_ok=is_ok, detail="answers" if is_ok else "does not answer")


def _predictions(
    targets: TargetFinder,
    readiness: ReadinessReader,
    promotions: PromotionReader,
    alarms: LeakAlarms,
    *,
    default: TargetPair,
) -> tuple[CheckPayload, list[ReadyTargetPayload]]:
    # A probe reports whatever is wrong instead of failing with it.
    try:
        configured = targets.configured()
        made = readiness.newest_made(configured)
        missing = _missing(
            [target for target, one in zip(configured, made, strict=True) if one is None],
            promotions,
            alarms,
            targets,
        )
    except PlatformError as error:
        return CheckPayload(name="prediction", is_ok=False, detail=str(error)), []
    words = {one: _served_words(one) for one in set(made) if one is not None}
    listed: list[ReadyTargetPayload] = [
        {
            "instrument": target.instrument,
            "interval": target.interval,
            "horizon": target.horizon,
            "is_default": target.interval == default.interval and target.horizon == default.horizon,
            "is_served": one is not None,
            "detail": missing[target] if one is None else words[one],
        }
        for target, one in zip(configured, made, strict=True)
    ]
    n_served = sum(one["is_served"] for one in listed)
    detail = f"{n_served} of {len(listed)} configured targets are served"
    return CheckPayload(name="prediction", is_ok=n_served > 0, detail=detail), listed


def _served_words(made: NewestMade) -> str:
    return f"as of {text_of_time(made.as_of_ms, 'iso')}, from {made.store}"


def _missing(
    targets: Sequence[Target], promotions: PromotionReader, alarms: LeakAlarms, finder: TargetFinder
) -> Mapping[Target, str]:
    """Return what each of these targets lacks."""
    if not targets:
        return {}
    champions = promotions.newest(instruments={target.instrument for target in targets})
    by_target = {(one.instrument, str(one.interval), str(one.horizon)): one for one in champions}
    return {
        target: missing_words(
            target, by_target, held_back=alarms.why_held_back(target), missing=finder.missing_history(target)
        )
        for target in targets
    }


def _failing(readiness: ReadinessReader) -> list[FailingArmPayload]:
    failures = readiness.failures()
    if not failures:
        return []
    try:
        made = readiness.newest_made(list(failures))
    except PlatformError:
        made = [None] * len(failures)
    return [
        failing_arm_payload(target, found, newest_made_ms=None if one is None else one.as_of_ms)
        for (target, found), one in zip(failures.items(), made, strict=True)
    ]


def _default_target(run: RunReader, targets: TargetFinder) -> Target | None:
    try:
        return targets.requested(run.description().instruments[0], None, None).target
    except PlatformError:
        return None


def _data_age_s(predictions: PredictionReader, clock: RunClock, target: Target) -> float | None:
    try:
        found = predictions.newest(target)
    except PlatformError:
        return None
    return None if found is None else data_age_s(found.event.features_as_of_ms, clock.now_ms())
