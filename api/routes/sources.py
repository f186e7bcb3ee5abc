"""The routes of sources: their health, and the gaps in their data."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import problems
from api.payloads.sources import GapsPayload, SourcesPayload, gap_payload, source_payloads
from api.reading.clocks import ClockPart
from api.reading.runs import RunPart
from api.reading.sources import SourcesPart

router = APIRouter(tags=["sources"])
_PROBLEMS = problems(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


class GapState(StrEnum):
    """Which gaps are asked for."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


_IS_OPEN = {GapState.OPEN: True, GapState.CLOSED: False, GapState.ALL: None}


@router.get("/v1/sources", summary="The sources and their health", responses=_PROBLEMS)
def sources(*, reader: SourcesPart, run: RunPart, clock: ClockPart) -> SourcesPayload:
    """Answers with every source of the run: its health, its newest item, its lag, what is quarantined, and open gaps."""
    now_ms = clock.now_ms()
    return SourcesPayload(
        stream=run.stream,
        stream_kind=run.kind(),
        now_ms=now_ms,
        sources=source_payloads(reader.facts(now_ms=now_ms), now_ms=now_ms),
    )


@router.get("/v1/gaps", summary="The gaps in the data", responses=_PROBLEMS)
def gaps(
    *,
    reader: SourcesPart,
    run: RunPart,
    instrument: Annotated[
        str | None,
        Query(max_length=100, description="Only gaps of this instrument.", examples=["BTC-USDT.BINANCE"]),
    ] = None,
    source: Annotated[
        str | None, Query(max_length=100, description="Only gaps of this source.", examples=["binance"])
    ] = None,
    state: Annotated[
        GapState, Query(description="Only open gaps, only closed ones, or all.")
    ] = GapState.OPEN,
    limit: Annotated[int, Query(ge=1, le=1000, description="The largest number of gaps.")] = 100,
) -> GapsPayload:
    """Answers with the stretches of which data are missing and why, the newest first; closed ones say who filled them."""
    found = reader.gaps(instrument=instrument, source=source, is_open=_IS_OPEN[state])
    return GapsPayload(
        stream=run.stream,
        stream_kind=run.kind(),
        n_gaps=len(found),
        gaps=[gap_payload(gap) for gap in found[:limit]],
    )
