"""A live run on real servers: three venues of a mirror, by REST and by sockets, that are cut while they are followed."""

import uuid

import pytest

from producers.jobs.replaying import replay
from producers.jobs.sessions import open_session
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas import codec
from schemas.events import CandleObserved, QuoteObserved, SourceFellSilent, TickObserved
from schemas.topics import MARKET_CANDLE, MARKET_QUOTE, MARKET_TICK
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Reader
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from tests.jobs.producers.test_on_servers import read_events

CLOCK = SystemClock()
DEADLINE_S = 400.0
BINANCE, COINBASE, KRAKEN = "BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN"
pytestmark = [pytest.mark.recorded, pytest.mark.servers]


@pytest.fixture
def environment(mirror, tmp_path):
    return {
        "DRIFTLINE_SOURCE": "live",
        "DRIFTLINE_SOURCES_MIRROR": mirror.address,
        "DRIFTLINE_STREAM": f"mirror-{uuid.uuid4().hex[:12]}",
        "DRIFTLINE_LIVE_HISTORY_DAYS": "1",
        "DRIFTLINE_DATA_DIR": str(tmp_path),
        "DRIFTLINE_RECORDING_FLUSH_S": "1",
    }


class Counting:
    """Counts the trades that a session publishes, and ends it after enough of each instrument."""

    def __init__(self, outlet, *, n_ticks):
        self._outlet = outlet
        self._n_ticks = n_ticks
        self._until_s = CLOCK.monotonic_s() + DEADLINE_S
        self.found = dict.fromkeys((BINANCE, COINBASE, KRAKEN), 0)
        outlet.publish, self._publish = self.publish, outlet.publish

    def publish(self, topic, value, *, key, partition=None, headers=None):
        if topic == MARKET_TICK.name and (key or b"").decode() in self.found:
            self.found[key.decode()] += 1
        self._publish(topic, value, key=key, partition=partition, headers=headers)

    @property
    def is_enough(self):
        return min(self.found.values()) >= self._n_ticks or CLOCK.monotonic_s() > self._until_s


def followed(environment, endpoints, *, n_ticks):
    """One session that follows until it has published enough trades."""
    settings = ProducerSettings.from_environment(environment)
    counting = []
    is_stopped = lambda: bool(counting) and counting[0].is_enough  # noqa: E731 - it needs the session
    with open_session(
        settings, endpoints, clock=CLOCK, is_stopped=is_stopped, environment=environment
    ) as session:
        counting.append(Counting(session.outlet, n_ticks=n_ticks))
        replay(session)
        session.outlet.flush()
    return counting[0].found


def trades_of(endpoints, stream, *, n):
    """The trades of a stream once there are so many, and no absence among them."""
    reader = Reader(endpoints.kafka, group=uuid.uuid4().hex, topics=[MARKET_TICK], is_fixed=True)
    reader.open()
    found, until_s = [], CLOCK.monotonic_s() + DEADLINE_S
    while len(found) < n and CLOCK.monotonic_s() < until_s:
        for record in reader.poll(max_records=5000, timeout_s=0.2):
            event = codec.decode(MARKET_TICK, record.value)
            if event.stream == stream:
                assert not isinstance(event, SourceFellSilent)
                found += [event] if isinstance(event, TickObserved) else []
    reader.close()
    return found


def warmed(environment, endpoints):
    settings = ProducerSettings.from_environment(environment)
    with open_session(
        settings, endpoints, clock=CLOCK, is_stopped=lambda: False, environment=environment
    ) as session:
        warm_up(session)
        session.outlet.flush()
        return session.plan.description


def test_three_venues_are_warmed_followed_cut_and_continued_without_a_loss(
    environment, endpoints, mirror, tmp_path
):
    description = warmed(environment, endpoints)
    first = followed(environment, endpoints, n_ticks=150)
    mirror.fail("cut_socket", host="stream.binance.com", count=1)
    mirror.fail("cut_message", host="ws-feed.exchange.coinbase.com", count=1)
    mirror.fail("gap", host="stream.binance.com", n=3, count=2, skip=40)
    found = followed(environment, endpoints, n_ticks=300)

    assert min(found.values()) >= 300
    trades = trades_of(endpoints, description.stream, n=sum(first.values()) + sum(found.values()))
    for name in (BINANCE, COINBASE, KRAKEN):
        ids = [trade.trade_id for trade in trades if trade.instrument == name]
        assert len(ids) == first[name] + found[name]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
    candles = [e for _, e in read_events(endpoints, description.stream, MARKET_CANDLE, n=7_100)]
    minutes = [event for event in candles if isinstance(event, CandleObserved)]
    assert len([candle for candle in minutes if candle.instrument == BINANCE]) > 1_400
    assert len([candle for candle in minutes if candle.instrument == KRAKEN]) > 700
    quotes = [e for _, e in read_events(endpoints, description.stream, MARKET_QUOTE, n=3)]
    assert {quote.instrument for quote in quotes if isinstance(quote, QuoteObserved)} <= {
        BINANCE,
        COINBASE,
        KRAKEN,
    }
    assert len(quotes) > 2
    assert list((tmp_path / "recording").rglob("*.parquet"))
    with PostgresPool(endpoints.database_url) as pool:
        assert StoredGaps(pool).gaps(description.stream) == []
