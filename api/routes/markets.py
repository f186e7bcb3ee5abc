"""The routes of market data: the newest features and bars of an instrument."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import problems
from api.payloads.markets import BarsPayload, FeaturesPayload, bar_payload, features_payload
from api.payloads.shared import is_simulated
from api.reading.serving import IntervalPart, NamePart, ServingPart
from schemas.errors import NotReadyError

router = APIRouter(tags=["market"])
_PROBLEMS = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get(
    "/v1/features/{name}",
    summary="The newest features",
    responses=_PROBLEMS,
)
def newest_features(serving: ServingPart, name: NamePart, interval: IntervalPart = None) -> FeaturesPayload:
    """The feature values at the close of the newest bar, by feature name."""
    instrument = serving.instrument(name)
    wanted = serving.settings.default.interval if interval is None else interval
    found = serving.stores.newest_features(instrument=instrument, interval=wanted)
    if found is None:
        message = f"there are no features yet of {instrument} {wanted}: no bar has closed"
        raise NotReadyError(message)
    return features_payload(found.event, kind=serving.stores.kind(), served_from=found.store)


@router.get("/v1/bars/{name}", summary="The newest bars", responses=_PROBLEMS)
def newest_bars(
    serving: ServingPart,
    name: NamePart,
    interval: IntervalPart = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 100,
) -> BarsPayload:
    """The bars that this platform built, oldest first. The list is empty until the first bar has closed."""
    instrument = serving.instrument(name)
    wanted = serving.settings.default.interval if interval is None else interval
    bars = serving.stores.bars(instrument=instrument, interval=wanted, limit=limit)
    source = bars[-1].source if bars else None
    return BarsPayload(
        instrument=instrument,
        interval=wanted,
        stream=serving.stores.stream,
        source=source,
        is_simulated=is_simulated(source=source or "", instrument=instrument, kind=serving.stores.kind()),
        bars=[bar_payload(bar) for bar in bars],
    )
