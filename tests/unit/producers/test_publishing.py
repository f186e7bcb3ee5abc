"""The publisher of a source: where records go, and how a change of topic is said."""

import pytest

from producers.jobs.publishing import SourcePublisher
from producers.normalise.watermarks import Reached, SourceTimes, with_watermarks
from schemas import codec
from schemas.events import TopicSwitched, WatermarkAdvanced
from schemas.topics import BY_NAME, MARKET_CANDLE, MARKET_TICK
from schemas.wire.clocks import ManualClock
from tests.unit.producers.fakes import MINUTE_MS, RecordingOutlet, candle, tick

TIMES = SourceTimes(source="binance", stream="s", ticks_from_ms=0, epoch=5)


class FlushingOutlet(RecordingOutlet):
    """Remembers how many records were acknowledged whenever somebody waited for it."""

    def __init__(self):
        super().__init__()
        self.flushed_at = []

    def flush(self, *, timeout_s=15.0):
        super().flush(timeout_s=timeout_s)
        self.flushed_at.append(len(self.records))


def published(outlet, events, *, published_in=None, after=None, clock=None):
    publisher = SourcePublisher(
        outlet,
        instruments=["BTC-USDT.BINANCE"],
        published_in=published_in,
        epoch=5,
        clock=clock or ManualClock(),
    )
    for record in with_watermarks(events, TIMES, after=after):
        publisher.publish(record)
    return publisher


def switches(outlet):
    found = [(r.topic, codec.decode(BY_NAME[r.topic], r.value)) for r in outlet.records]
    return [(topic, event) for topic, event in found if isinstance(event, TopicSwitched)]


def test_a_switch_is_acknowledged_in_the_left_topic_before_it_is_said_in_the_entered():
    outlet = FlushingOutlet()
    published(outlet, [candle(0), tick(61_200)])
    (left, first), (entered, second) = switches(outlet)
    assert (left, entered) == (MARKET_CANDLE.name, MARKET_TICK.name)
    assert first == second
    assert (first.number, first.epoch) == (0, 5)
    at = [i for i, r in enumerate(outlet.records) if b"TopicSwitched" in r.value]
    assert at[0] + 1 in outlet.flushed_at
    assert at == [at[0], at[0] + 1]


def test_a_switch_is_acknowledged_in_every_partition_before_anything_follows_it_in_one():
    """A tick in one partition tells a later session that the switch was said: another must have it too."""
    outlet = FlushingOutlet()
    published(outlet, [candle(0), tick(61_200)])
    last = max(i for i, record in enumerate(outlet.records) if b"TopicSwitched" in record.value)
    assert last + 1 in outlet.flushed_at


@pytest.mark.parametrize(
    ("reached", "n_said"),
    [
        (Reached(), 0),
        (Reached(candle_end_ms=MINUTE_MS), 2),
        (Reached(tick_known_ms=60_500), 0),
    ],
)
def test_a_session_that_begins_elsewhere_than_the_run_spoke_says_so(reached, n_said):
    outlet = RecordingOutlet()
    published(outlet, [tick(61_200)], published_in=reached.topic(TIMES), after=reached)
    assert len(switches(outlet)) == n_said


def test_a_switch_is_said_again_ever_more_rarely_in_the_topic_that_was_left():
    outlet, clock = RecordingOutlet(), ManualClock()
    publisher = published(outlet, [candle(0), tick(61_200)], clock=clock)
    n_before = len(switches(outlet))
    mark = next(
        said for said in with_watermarks([tick(1)], TIMES) if isinstance(said.event, WatermarkAdvanced)
    )
    for _ in range(40):
        clock.sleep(0.1)
        publisher.publish(mark)
    again = switches(outlet)[n_before:]
    assert {topic for topic, _ in again} == {MARKET_CANDLE.name}
    assert len(again) == 3
