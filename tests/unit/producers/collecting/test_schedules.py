"""The schedule: every source at once and then by its interval, each round published before the next."""

import threading

import pytest

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.known import KnownRecords
from producers.jobs.collecting.schedules import collect_by_schedule
from producers.sources.fetching import SourceUnreachableError
from schemas.errors import BrokerUnavailableError, NotReadyError
from schemas.events import ArticlePublished
from schemas.wire.clocks import SystemClock
from tests.fakes.collected import FakeLog, FakeSource, article, round_of

DEADLINE_S = 60.0


def run(sources: list[FakeSource], log: FakeLog, *, until, check=lambda: None) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + DEADLINE_S
    collector = Collector(sources, known=KnownRecords("live"), outlet=log)

    def is_stopped() -> bool:
        assert clock.monotonic_s() < until_s
        return until()

    collect_by_schedule(sources, collector, clock, is_stopped=is_stopped, check=check)


def test_every_source_is_read_again_and_again():
    slow = FakeSource("slow", round_of("slow", article(1)), interval_s=3600)
    quick = FakeSource("quick", *(round_of("quick", article(number)) for number in range(2, 9)), interval_s=1)
    failing = FakeSource("failing", SourceUnreachableError("away"), interval_s=1)
    log = FakeLog()
    run([slow, quick, failing], log, until=lambda: quick.n_collected >= 3 and failing.n_collected >= 2)
    assert slow.n_collected == 1
    assert len(log.events(ArticlePublished)) >= 3


def test_a_source_that_has_more_is_read_at_once():
    rounds = [round_of("coindesk", article(number), is_waiting=number < 5) for number in range(6)]
    source = FakeSource("coindesk", *rounds, interval_s=3600)
    log = FakeLog()
    run([source], log, until=lambda: len(source.confirmed) == 6)
    assert len(log.events(ArticlePublished)) == 6


@pytest.mark.parametrize("error", [BrokerUnavailableError("gone"), NotReadyError("another leads")])
def test_a_trouble_of_the_log_or_of_the_leadership_ends_it(error: Exception):
    log, source = FakeLog(), FakeSource("coindesk", round_of("coindesk", article(1)))

    def check() -> None:
        if isinstance(error, NotReadyError):
            raise error

    log.failure = error
    with pytest.raises(type(error)):
        run([source], log, until=lambda: False, check=check)
    assert source.confirmed == []


def test_no_thread_is_left_behind():
    before = threading.active_count()
    source = FakeSource("coindesk", round_of("coindesk", article(1)), interval_s=1)
    run([source], FakeLog(), until=lambda: len(source.confirmed) >= 1)
    clock = SystemClock()
    until_s = clock.monotonic_s() + DEADLINE_S
    while threading.active_count() > before and clock.monotonic_s() < until_s:
        clock.sleep(0.05)
    assert threading.active_count() <= before
