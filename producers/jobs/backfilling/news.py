"""The news of the past months, as far as sitemaps and older pages of feeds reach, through the log as the collector publishes it.

What was published is known from the store and the log, so an article is never published twice, and a backfill that was
killed goes on when it is run again. The health of a source is not judged by its old articles.
"""

from collections.abc import Callable, Sequence

import msgspec

from producers.jobs.backfilling.places import BACKFILL
from producers.jobs.backfilling.stretches import Stretch, inside, without
from producers.jobs.collecting.news import NewsSource
from producers.jobs.collecting.publishing import Published
from producers.jobs.collecting.rounds import CollectedRound
from schemas.errors import ContractError, SourceUnavailableError
from schemas.gaps import Gap, GapKind, GapLedger
from schemas.time import Clock, text_of_time


class NewsTally(msgspec.Struct, kw_only=True):
    """What became of the articles of one source.

    Attributes:
        source: The source.
        n_requests: How often it was asked.
        n_seen: How many items it stated.
        n_new: How many articles were published now.
        n_duplicate: How many were known.
        n_put_aside: How many items were put aside as dead letters.
        reaches_ms: Everything since then was looked at; None if that is not known.
        trouble: Why it was given up; None if it was not.
        is_whole: Whether the backfill of this source came to its end.
    """

    source: str
    n_requests: int = 0
    n_seen: int = 0
    n_new: int = 0
    n_duplicate: int = 0
    n_put_aside: int = 0
    reaches_ms: int | None = None
    trouble: str | None = None
    is_whole: bool = False


def backfill_news(
    source: NewsSource,
    span: Stretch,
    publish: Callable[[CollectedRound], Published],
    ledger: GapLedger,
    *,
    stream: str,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> NewsTally:
    """Publish the older articles of a source, and name in the ledger how far they do not reach.

    Args:
        source: The source; it knows what was published before.
        span: The published times that are wanted.
        publish: Publishes what is new of a part, and returns when the log has it.
        ledger: The ledger of gaps.
        stream: The run.
        clock: The clock.
        is_stopped: Whether the process is to end.

    Raises:
        BrokerUnavailableError: If the broker does not acknowledge a part.
        StoreUnavailableError: If the ledger cannot be reached.
    """
    tally = NewsTally(source=source.name)
    parts = source.history(from_ms=span.start_ms, until_ms=span.end_ms, now_ms=clock.now_ms())
    try:
        for part, reaches_ms in parts:
            tally.reaches_ms = reaches_ms
            _take(part, source, publish(part), tally)
            if is_stopped():
                return tally
    except (SourceUnavailableError, ContractError) as error:
        if is_stopped():
            return tally
        tally.trouble = f"The source stopped answering: {error}"
    finally:
        tally.n_requests = source.n_requests
    tally.is_whole = True
    _settle(tally, span, ledger, stream=stream, at_ms=clock.now_ms())
    return tally


def _take(part: CollectedRound, source: NewsSource, published: Published, tally: NewsTally) -> None:
    source.confirm(part)
    tally.n_seen += part.n_seen
    tally.n_new += published.n_new
    tally.n_duplicate += part.n_duplicate + published.n_known
    tally.n_put_aside += published.n_rejected


def _settle(tally: NewsTally, span: Stretch, ledger: GapLedger, *, stream: str, at_ms: int) -> None:
    """Close the gaps of what was looked at, and open those of what was not."""
    begins_ms = span.end_ms if tally.reaches_ms is None else max(span.start_ms, tally.reaches_ms)
    reached = Stretch(begins_ms, span.end_ms)
    gaps = ledger.gaps(stream, source=tally.source, is_open=True)
    articles = [gap for gap in gaps if gap.kind is GapKind.ARTICLES]
    for gap in articles:
        whole = Stretch(gap.start_ms, gap.end_ms)
        left = without([whole], [reached] if begins_ms < span.end_ms else [])
        if left != [whole]:
            remaining = [_gap(stream, tally.source, part, gap.reason, at_ms) for part in left]
            ledger.close(gap, by=BACKFILL, at_ms=at_ms, remaining=remaining)
    since = "" if tally.reaches_ms is None else f" beyond {text_of_time(tally.reaches_ms)}"
    reason = tally.trouble or f"The sitemaps and feeds of the source do not say what was published{since}."
    known = [Stretch(gap.start_ms, gap.end_ms) for gap in articles]
    for part in _beyond(span, begins_ms, known):
        ledger.open(_gap(stream, tally.source, part, reason, at_ms))


def _beyond(span: Stretch, begins_ms: int, known: Sequence[Stretch]) -> list[Stretch]:
    if begins_ms <= span.start_ms:
        return []
    return without([Stretch(span.start_ms, begins_ms)], inside(known, span))


def _gap(stream: str, source: str, stretch: Stretch, reason: str, at_ms: int) -> Gap:
    return Gap(
        stream=stream,
        source=source,
        instrument=source,
        kind=GapKind.ARTICLES,
        start_ms=stretch.start_ms,
        end_ms=stretch.end_ms,
        reason=reason[:400],
        opened_ms=at_ms,
    )
