"""The routes of predictions: the newest one of a target, and past ones with their outcomes."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response

from api.errors import problems
from api.payloads.predictions import (
    HistoryPayload,
    LivePredictionPayload,
    live_prediction_payload,
    past_prediction_payload,
)
from api.payloads.records import RecordPayload, record_payload
from api.reading.serving import ServingPart, TargetPart
from schemas.arms import CHAMPION
from schemas.events import PredictionMade
from schemas.records import PredictionRecord

_MAX_MS = 2**53

router = APIRouter(tags=["predictions"])
_PROBLEMS = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get(
    "/v1/predictions/{name}",  # noqa: FAST003  (TargetPart takes it)
    summary="The newest prediction",
    response_model=LivePredictionPayload,
    responses={**_PROBLEMS, 304: {"description": "The prediction and its record are as in If-None-Match."}},
)
def newest_prediction(
    serving: ServingPart,
    response: Response,
    target: TargetPart,
    if_none_match: Annotated[str | None, Header()] = None,
) -> LivePredictionPayload | Response:
    """Which way the price goes next, how sure that is, how old it is, and how often it was right.

    The entity tag is made from the model, the as-of time and the number of judged predictions. It does
    not change when only the age changes; the header `Driftline-Data-Age-S` states the age.
    The answer is 503 with `Retry-After` while there is no model or no prediction.
    """
    found = serving.newest_prediction(target)
    made: PredictionMade = found.event
    now_ms = serving.stores.now_ms()
    data_age_s = serving.data_age_s(made.features_as_of_ms, now_ms)
    record = serving.stores.record(target)
    serving.metrics.set_data_age(target, data_age_s)
    tag = entity_tag(made, record)
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Driftline-Data-Age-S": "unknown" if data_age_s is None else f"{data_age_s:.3f}",
        "Driftline-Served-From": found.store,
    }
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    serving.metrics.count_served(target)
    response.headers.update(headers)
    return live_prediction_payload(
        made,
        kind=serving.stores.kind(),
        clock_ms=now_ms,
        data_age_s=data_age_s,
        served_from=found.store,
        record=_record(record),
        leak_alarm=serving.alarms.words_of(made.model_version),
    )


@router.get(
    "/v1/predictions/{name}/history",  # noqa: FAST003  (TargetPart takes it)
    summary="Past predictions with their outcomes",
    responses=_PROBLEMS,
)
def past_predictions(
    serving: ServingPart,
    request: Request,
    target: TargetPart,
    limit: Annotated[int, Query(ge=1, le=500, description="Items on a page.")] = 50,
    before: Annotated[
        int | None,
        Query(ge=0, le=_MAX_MS, description="Only as-of times before this, UTC milliseconds."),
    ] = None,
) -> HistoryPayload:
    """Past predictions, newest first, in pages. The `next` of a page is the path of the following, older page."""
    record = None
    if before is None:
        page, record = serving.stores.newest_with_record(target, limit=limit + 1)
    else:
        page = serving.stores.predictions(target, limit=limit + 1, before_ms=before)
    if not page:
        serving.check_served(target)
        serving.check_arm(target)
    kind = serving.stores.kind()
    items = [past_prediction_payload(made, resolved, kind=kind) for made, resolved in page[:limit]]
    last_ms = items[-1].features_as_of_ms if len(page) > limit else None
    following = None
    if last_ms is not None:
        query = {"interval": target.interval, "horizon": target.horizon, "limit": limit, "before": last_ms}
        if target.arm != CHAMPION:
            query["arm"] = target.arm
        following = f"{request.url.path}?{urlencode(query)}"
    return HistoryPayload(items=items, record=_record(record), next_before_ms=last_ms, next=following)


def entity_tag(made: PredictionMade, record: PredictionRecord | None) -> str:
    """Return the weak entity tag of a prediction and its record.

    Example:
        ``W/"9f2c4e1b7a3d-1750000500000-211"``
    """
    n_judged = "none" if record is None else record.n_hits + record.n_misses + record.n_ties + record.n_voids
    return f'W/"{made.model_hash[:12]}-{made.features_as_of_ms}-{n_judged}"'


def _matches(if_none_match: str, tag: str) -> bool:
    held = {one.strip() for one in if_none_match.split(",")}
    return "*" in held or tag in held or tag.removeprefix("W/") in held


def _record(record: PredictionRecord | None) -> RecordPayload | None:
    return None if record is None else record_payload(**record._asdict())
