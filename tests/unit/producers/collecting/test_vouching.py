"""Watermarks of news: they vouch for known time, and articles keep what they promise."""

from hypothesis import given
from hypothesis import strategies as st

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.known import KnownRecords
from producers.jobs.collecting.once import collect_once
from producers.jobs.collecting.outcomes import read_round
from producers.jobs.collecting.rounds import CollectedRound
from schemas import codec
from schemas.events import ArticlePublished, Event, SourceReturned, WatermarkAdvanced
from schemas.topics import BY_NAME, NEWS_ARTICLE
from schemas.wire.clocks import ManualClock
from tests.fakes.collected import NOW_MS, FakeLog, FakeSource, article, round_of


def collector_on(log: FakeLog, source: FakeSource, *, has_news: bool = True) -> Collector:
    known = KnownRecords("live")
    for event in log.events():
        known.add(event)
    return Collector([source], known=known, outlet=log, has_news=has_news)


class SlowSource(FakeSource):
    """Takes three seconds for a round."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        super().__init__(name, round_of(name, article(1)))
        self._clock = clock

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:
        self._clock.sleep(3)
        return super().collect(now_ms=now_ms, is_last=is_last)


def news_in(log: FakeLog) -> list[Event]:
    return [
        codec.decode(BY_NAME[topic], value)
        for topic, value, _, _ in log.records
        if topic == NEWS_ARTICLE.name
    ]


def check(events: list[Event]) -> None:
    """No article was known before a watermark that stands before it; watermarks never go back."""
    vouched_ms = -1
    for event in events:
        if isinstance(event, ArticlePublished):
            assert event.known_time_ms >= vouched_ms
        else:
            assert event.event_time_ms >= vouched_ms
            vouched_ms = event.event_time_ms


def test_a_collector_begins_and_vouches_once_a_second():
    log, clock = FakeLog(), ManualClock(now_ms=NOW_MS)
    collector = collector_on(log, FakeSource("coindesk", round_of("coindesk")))
    for _ in range(7):
        collector.vouch(clock.now_ms())
        clock.sleep(0.5)
    found = news_in(log)
    assert [type(event) for event in found] == [SourceReturned, *4 * [WatermarkAdvanced]]
    assert [event.event_time_ms - NOW_MS for event in found] == [0, 0, 1000, 2000, 3000]
    assert {event.source for event in found} == {"news"}


def test_an_article_that_was_seen_before_the_newest_watermark_is_known_since_then():
    log, clock = FakeLog(), ManualClock(now_ms=NOW_MS)
    source = FakeSource("coindesk", round_of("coindesk", article(1, known_time_ms=NOW_MS)))
    collector = collector_on(log, source)
    read = read_round(source, clock)
    clock.sleep(5)
    collector.vouch(clock.now_ms())
    collector.take(read)
    (published,) = log.events(ArticlePublished)
    assert published.known_time_ms == NOW_MS + 5_000


def test_an_assumed_time_stays():
    log, clock = FakeLog(), ManualClock(now_ms=NOW_MS)
    source = FakeSource("coindesk", round_of("coindesk", article(1, is_known_time_assumed=True)))
    collector = collector_on(log, source)
    clock.sleep(5)
    collector.vouch(clock.now_ms())
    collector.take(read_round(source, clock))
    (published,) = log.events(ArticlePublished)
    assert published.known_time_ms == NOW_MS


def test_a_run_that_reads_once_ends_with_a_watermark():
    log, clock = FakeLog(), ManualClock(now_ms=NOW_MS)
    source = SlowSource("coindesk", clock)
    collect_once([source], collector_on(log, source), clock, is_stopped=lambda: False)
    kinds = [type(event) for event in news_in(log)]
    assert kinds == [SourceReturned, WatermarkAdvanced, ArticlePublished, WatermarkAdvanced]
    check(news_in(log))


def test_prices_alone_have_no_watermarks_of_news():
    log, source = FakeLog(), FakeSource("coingecko", round_of("coingecko"))
    collector_on(log, source, has_news=False).vouch(NOW_MS)
    assert log.records == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["vouch", "read", "take", "over"]), st.integers(-3_000, 5_000)), max_size=30
    )
)
def test_the_order_holds_whoever_leads_and_whatever_the_clocks_say(acts: list[tuple[str, int]]):
    """Another collector takes over with a clock of its own; rounds are read before and published after watermarks."""
    log, now_ms, number = FakeLog(), NOW_MS, 0
    source = FakeSource("coindesk", round_of("coindesk"))
    collector = collector_on(log, source)
    waiting: list[ArticlePublished] = []
    for act, ms in acts:
        now_ms += ms
        if act == "vouch":
            collector.vouch(now_ms)
        elif act == "read":
            number += 1
            waiting.append(article(number, known_time_ms=now_ms))
        elif act == "take":
            given_round = FakeSource("coindesk", round_of("coindesk", *waiting))
            collector.take(read_round(given_round, ManualClock(now_ms=now_ms)))
            waiting.clear()
        else:
            collector = collector_on(log, source)
            waiting.clear()
    check(news_in(log))
