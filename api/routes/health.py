"""The routes for operation: liveness, readiness and Prometheus metrics."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.payloads.health import AlivePayload, CheckPayload, ReadyPayload, ReadyTargetPayload
from api.reading.serving import Serving, ServingPart
from api.reading.waiting import missing_words
from schemas.errors import PlatformError
from schemas.targets import Target
from schemas.time import text_of_time

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process lives")
async def alive() -> AlivePayload:
    """Answers as long as the process runs, even if the stores do not answer."""
    return AlivePayload(status="alive")


@router.get(
    "/readyz",
    summary="Whether predictions can be served",
    responses={503: {"model": ReadyPayload, "description": "Not ready; the checks say why."}},
)
def ready(serving: ServingPart, response: Response) -> ReadyPayload:
    """Ready when Redis and Postgres answer and at least one configured target has a prediction. Lists each target."""
    predictions, targets = _predictions(serving)
    checks = [
        _store("redis", is_ok=serving.stores.is_redis_ready()),
        _store("postgres", is_ok=serving.stores.is_postgres_ready()),
        predictions,
    ]
    is_ready = all(check.is_ok for check in checks)
    if not is_ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = "2"
    return ReadyPayload(is_ready=is_ready, checks=checks, targets=targets)


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
def metrics(serving: ServingPart) -> Response:
    """Metrics in the text format of Prometheus. The data age of the default target is measured at the request."""
    target = _default_target(serving)
    if target is not None:
        serving.metrics.set_data_age(target, _data_age_s(serving, target))
    return Response(serving.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _store(name: str, *, is_ok: bool) -> CheckPayload:
    return CheckPayload(name=name, is_ok=is_ok, detail="answers" if is_ok else "does not answer")


def _predictions(serving: Serving) -> tuple[CheckPayload, list[ReadyTargetPayload]]:
    # A probe reports whatever is wrong instead of failing with it.
    try:
        targets = _targets(serving)
    except PlatformError as error:
        return CheckPayload(name="prediction", is_ok=False, detail=str(error)), []
    n_served = sum(target.is_served for target in targets)
    detail = f"{n_served} of {len(targets)} configured targets are served"
    return CheckPayload(name="prediction", is_ok=n_served > 0, detail=detail), targets


def _targets(serving: Serving) -> list[ReadyTargetPayload]:
    configured = serving.configured()
    made = serving.stores.predicted(configured)
    is_whole = len(made) == len(configured)
    champions = [] if is_whole else serving.stores.champions()
    by_target = {(one.instrument, str(one.interval), str(one.horizon)): one for one in champions}
    return [
        ReadyTargetPayload(
            instrument=target.instrument,
            interval=target.interval,
            horizon=target.horizon,
            is_default=target.pair == serving.settings.default,
            is_served=target in made,
            detail=f"as of {text_of_time(made[target].as_of_ms, 'iso')}, from {made[target].store}"
            if target in made
            else missing_words(target, by_target, missing=serving.missing_bars(target)),
        )
        for target in configured
    ]


def _default_target(serving: Serving) -> Target | None:
    try:
        return serving.target(serving.stores.description().instruments[0], None, None)
    except PlatformError:
        return None


def _data_age_s(serving: Serving, target: Target) -> float | None:
    try:
        found = serving.newest_prediction(target)
    except PlatformError:
        return None
    return serving.data_age_s(found.event.features_as_of_ms, serving.stores.now_ms())
