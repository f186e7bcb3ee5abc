"""The news of before: what is published, what is known, and what the ledger says of the reach."""

from collections.abc import Iterable, Iterator

import pytest

from producers.jobs.backfilling.news import backfill_news
from producers.jobs.backfilling.places import BACKFILL
from producers.jobs.backfilling.stretches import Stretch
from producers.jobs.collecting.news import NewsSource
from producers.jobs.collecting.publishing import Published
from producers.sources.fetching import SourceUnreachableError
from producers.sources.news.counting import CountingFetcher
from producers.sources.news.rounds import ArticleSeen, KnownVersion, NewsReading, NewsRound
from schemas.gaps import MemoryGaps
from schemas.wire.clocks import ManualClock
from tests.fakes.fetching import FakeFetcher
from tests.fakes.web import ScriptedWeb

SPAN = Stretch(1_000, 9_000)


class FakeReading(NewsReading):
    """Gives the rounds that it is told; an error ends them."""

    name = "coindesk"
    interval_s = 60.0

    def __init__(self, *rounds: NewsRound | Exception) -> None:
        self.rounds = rounds
        self.n_confirmed = 0

    def restore(self, known: Iterable[KnownVersion]) -> None:
        """Nothing is known."""

    def confirm(self, articles: Iterable[ArticleSeen]) -> None:
        self.n_confirmed += 1

    def collect(self, *, now_ms: int, is_last: bool = False) -> NewsRound:
        raise NotImplementedError

    def backfill(self, *, from_ms: int, until_ms: int, now_ms: int) -> Iterator[NewsRound]:
        for each in self.rounds:
            if isinstance(each, Exception):
                raise each
            yield each


def part(*, reaches_ms: int | None = None) -> NewsRound:
    return NewsRound(source="coindesk", n_items=3, n_duplicate=1, reaches_ms=reaches_ms)


@pytest.fixture
def ledger() -> MemoryGaps:
    return MemoryGaps()


def run(reading: FakeReading, ledger: MemoryGaps, *, is_stopped=lambda: False):
    clock = ManualClock(now_ms=10_000)
    source = NewsSource(
        reading, CountingFetcher(FakeFetcher(ScriptedWeb(), clock)), stream="live", usual_s=None
    )
    return backfill_news(
        source,
        SPAN,
        lambda _part: Published(2, 0, 0, ()),
        ledger,
        stream="live",
        clock=clock,
        is_stopped=is_stopped,
    )


def spans(ledger: MemoryGaps, *, is_open: bool | None = None):
    return [(gap.start_ms, gap.end_ms) for gap in ledger.gaps("live", is_open=is_open)]


def test_parts_are_confirmed_and_a_source_that_reaches_leaves_no_gap(ledger):
    reading = FakeReading(part(), part(), part(reaches_ms=SPAN.start_ms))

    tally = run(reading, ledger)

    assert (tally.n_seen, tally.n_new, tally.n_duplicate, reading.n_confirmed) == (9, 6, 3, 3)
    assert tally.is_whole
    assert spans(ledger) == []


def test_what_lies_beyond_the_reach_is_named_once(ledger):
    run(FakeReading(part(reaches_ms=4_000)), ledger)
    run(FakeReading(part(reaches_ms=4_000)), ledger)

    assert spans(ledger) == [(1_000, 4_000)]


def test_later_backfill_that_reaches_farther_closes_the_gap(ledger):
    run(FakeReading(part(), SourceUnreachableError("500")), ledger)

    run(FakeReading(part(reaches_ms=3_000)), ledger)

    assert spans(ledger, is_open=False) == [(1_000, 9_000)]
    assert spans(ledger, is_open=True) == [(1_000, 3_000)]
    assert {gap.closed_by for gap in ledger.gaps("live")} == {BACKFILL, None}


def test_source_that_stops_answering_is_named(ledger):
    tally = run(FakeReading(part(), SourceUnreachableError("500")), ledger)

    assert "500" in (tally.trouble or "")
    assert spans(ledger, is_open=True) == [(1_000, 9_000)]


def test_asked_to_end_it_names_nothing_and_goes_on_later(ledger):
    reading = FakeReading(part(), part(reaches_ms=SPAN.start_ms))

    tally = run(reading, ledger, is_stopped=lambda: reading.n_confirmed >= 1)

    assert (tally.is_whole, tally.n_new) == (False, 2)
    assert spans(ledger) == []
