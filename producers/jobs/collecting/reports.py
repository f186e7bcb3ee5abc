"""What was collected, source by source: as counts, and as JSON."""

from collections.abc import Sequence

import msgspec

from schemas.events import SourceHealth
from schemas.time import text_of_time


class SourceReport(msgspec.Struct, kw_only=True):
    """What the rounds of a source came to since the start.

    Attributes:
        source: The source.
        state: Its health.
        reason: Why.
        n_rounds: How often it was read.
        n_requests: How often it was asked.
        n_seen: How many items it showed.
        n_new: How many items were published.
        n_duplicate: How many it showed that were known.
        n_rejected: How many were put aside.
        newest_ms: The event time of its newest item; None if it showed none.
        has_answered: Whether it answered at all.
    """

    source: str
    state: SourceHealth = SourceHealth.UNKNOWN
    reason: str = ""
    n_rounds: int = 0
    n_requests: int = 0
    n_seen: int = 0
    n_new: int = 0
    n_duplicate: int = 0
    n_rejected: int = 0
    newest_ms: int | None = None
    has_answered: bool = False


def json_of(stream: str, reports: Sequence[SourceReport]) -> str:
    """Return one JSON object: the run, and per source its counts and the time of its newest item in UTC."""
    sources = [
        {
            "source": each.source,
            "state": str(each.state),
            "reason": reason_of(each),
            "requests": each.n_requests,
            "seen": each.n_seen,
            "new": each.n_new,
            "duplicate": each.n_duplicate,
            "rejected": each.n_rejected,
            "newest_ms": each.newest_ms,
            "newest": None if each.newest_ms is None else text_of_time(each.newest_ms, "iso"),
        }
        for each in reports
    ]
    return msgspec.json.format(msgspec.json.encode({"stream": stream, "sources": sources}), indent=2).decode()


def reason_of(report: SourceReport) -> str:
    """Return why a source is in its state; a run that is asked to end leaves sources unread."""
    return report.reason or ("" if report.n_rounds else "it was not read before the process was asked to end")


def lines_of_trouble(reports: Sequence[SourceReport]) -> list[str]:
    """Return a line for each source that is not healthy."""
    return [
        f"{each.source} is {each.state}: {reason_of(each)}"
        for each in reports
        if each.state is not SourceHealth.HEALTHY
    ]
