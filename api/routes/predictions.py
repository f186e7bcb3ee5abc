"""The routes of predictions: the newest one of a target, and past ones with their outcomes."""

import zlib
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
from api.payloads.shared import fallback_fields
from api.reading.alarms import AlarmsPart
from api.reading.clocks import ClockPart, data_age_s
from api.reading.parameters import TargetPart
from api.reading.parts import MetricsPart
from api.reading.predictions import PredictionsPart
from api.reading.runs import RunPart
from api.reading.targets import TargetsPart
from schemas.arms import CHAMPION
from schemas.assets import Answering
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
    *,
    response: Response,
    requested: TargetPart,
    predictions: PredictionsPart,
    targets: TargetsPart,
    run: RunPart,
    clock: ClockPart,
    metrics: MetricsPart,
    alarms: AlarmsPart,
    if_none_match: Annotated[str | None, Header()] = None,
) -> LivePredictionPayload | Response:
    """Answers with the newest prediction of a target, its age, and how often such predictions were right.

    The entity tag is made from the model, the as-of time and the number of judged predictions. It does
    not change when only the age changes; the header `Driftline-Data-Age-S` states the age.
    An asset is answered from its first healthy instrument; `fallback_from` and `fallback_reason` say when that is not the
    first of its rank, and why.
    The answer is 503 with `Retry-After` while there is no model or no prediction.
    """
    target, answering = requested
    found = predictions.newest(target)
    if found is None:
        raise targets.no_prediction(target)
    made: PredictionMade = found.event
    now_ms = clock.now_ms()
    age_s = data_age_s(made.features_as_of_ms, now_ms)
    record = predictions.record(target)
    metrics.set_data_age(target, age_s)
    tag = entity_tag(made, record, answering)
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Driftline-Data-Age-S": "unknown" if age_s is None else f"{age_s:.3f}",
        "Driftline-Served-From": found.store,
    }
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    metrics.count_served(target)
    response.headers.update(headers)
    return live_prediction_payload(
        made,
        answering=answering,
        kind=run.kind(),
        clock_ms=now_ms,
        data_age_s=age_s,
        served_from=found.store,
        record=_record(record),
        leak_alarm=alarms.words_of(made.model_version),
        majority=alarms.majority_of(made.model_version),
    )


@router.get(
    "/v1/predictions/{name}/history",  # noqa: FAST003  (TargetPart takes it)
    summary="Past predictions with their outcomes",
    responses=_PROBLEMS,
)
def past_predictions(
    *,
    request: Request,
    requested: TargetPart,
    predictions: PredictionsPart,
    targets: TargetsPart,
    run: RunPart,
    alarms: AlarmsPart,
    limit: Annotated[
        int, Query(ge=1, le=500, description="The largest number of predictions on a page.")
    ] = 50,
    before: Annotated[
        int | None,
        Query(
            ge=0,
            le=_MAX_MS,
            description="Only predictions with an as-of time before this one, UTC milliseconds.",
        ),
    ] = None,
) -> HistoryPayload:
    """Answers with past predictions in pages, the newest first. `next` is the path of the following, older page."""
    target, answering = requested
    record = None
    if before is None:
        page, record = predictions.newest_page(target, limit=limit + 1)
    else:
        page = predictions.page(target, limit=limit + 1, before_ms=before)
    if not page:
        targets.check(target)
    kind = run.kind()
    items = [
        past_prediction_payload(made, resolved, kind=kind, majority=alarms.majority_of(made.model_version))
        for made, resolved in page[:limit]
    ]
    last_ms = items[-1].features_as_of_ms if len(page) > limit else None
    following = None
    if last_ms is not None:
        query = {"interval": target.interval, "horizon": target.horizon, "limit": limit, "before": last_ms}
        if target.arm != CHAMPION:
            query["arm"] = target.arm
        # The next page is of this instrument, also if another one answers for the asset by then.
        begin = request.url.path.rsplit("/", 2)[0]
        following = f"{begin}/{target.instrument}/history?{urlencode(query)}"
    return HistoryPayload(
        instrument=target.instrument,
        items=items,
        record=_record(record),
        next_before_ms=last_ms,
        next=following,
        **fallback_fields(answering),
    )


def entity_tag(
    made: PredictionMade, record: PredictionRecord | None, answering: Answering | None = None
) -> str:
    """Return the weak entity tag of a prediction, its record, and the reasons why another instrument does not answer.

    Args:
        made: The prediction.
        record: The record of its target; None if Postgres does not answer.
        answering: How its instrument was chosen; None if it was named.

    Example:
        ``W/"9f2c4e1b7a3d-1750000500000-211"``
    """
    n_judged = "none" if record is None else record.n_hits + record.n_misses + record.n_ties + record.n_voids
    passed_over = () if answering is None else answering.passed_over
    reasons = f"-{zlib.crc32(repr(passed_over).encode()):08x}" if passed_over else ""
    return f'W/"{made.model_hash[:12]}-{made.features_as_of_ms}-{n_judged}{reasons}"'


def _matches(if_none_match: str, tag: str) -> bool:
    held = {one.strip() for one in if_none_match.split(",")}
    return "*" in held or tag in held or tag.removeprefix("W/") in held


def _record(record: PredictionRecord | None) -> RecordPayload | None:
    return None if record is None else record_payload(**record._asdict())
