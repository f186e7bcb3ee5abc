"""Captures whose trade ids start again: every trade is in its bar once, also when the log was lost midway.

The numbers are those of a short script with pandas, which reads the capture by itself (``tests/fixtures/captures.py``).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from producers.jobs.replaying import replay
from producers.jobs.sessions import Session
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas.events import AlertRaised, BarClosed, Event, TickObserved
from schemas.time import Interval
from schemas.topics import MARKET_CANDLE, MARKET_TICK
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from stream_processors.operators.market import MarketOperator
from tests.fixtures.captures import (
    IDS_ALWAYS_ZERO,
    history_before,
    minutes_of_capture,
    rewritten,
    trades_of,
)
from tests.unit.producers.fakes import RecordingOutlet, RememberingHistory
from tests.unit.producers.test_sessions import session_of

pytestmark = pytest.mark.recorded

INSTRUMENT = "BTC-USDT.BINANCE"
DEADLINE_S = 240.0
#: The first whole minute of the capture.
FIRST_MS = 1_723_161_660_000
#: What venues and recorders do: the id of each line, and which lines are recorded twice.
CAPTURES: dict[str, tuple[Callable[[int], int], range]] = {
    "always 0": (lambda _line: 0, range(0)),
    "grow": (lambda line: 3_719_000_000 + line, range(0)),
    "start again within a minute": (lambda line: line + (3_719_000_000 if line < 3_000 else 1), range(0)),
    "start again twice": (lambda line: line % 2_500, range(0)),
    "start again, many trades recorded twice": (lambda line: line % 2_500, range(1_800, 6_000)),
}


@pytest.fixture(params=CAPTURES)
def capture(request: pytest.FixtureRequest, recorded_data: Path, tmp_path: Path) -> Path:
    ids, repeats = CAPTURES[request.param]
    return rewritten(recorded_data / IDS_ALWAYS_ZERO, tmp_path / "capture.gz", ids, repeats=repeats)


def settings_of(path: Path) -> ProducerSettings:
    """A replay of a capture, with candles before its first whole minute."""
    history = history_before(path.parent, until_ms=FIRST_MS)
    return ProducerSettings.from_environment(
        {}, data=path, history=history, stream="replay-capture", speed=0.0
    )


def made_of(outlet: RecordingOutlet) -> list[Event]:
    """What the market processor makes of what was published: the topic of candles first, then that of trades."""
    operator = MarketOperator(intervals=[Interval.ONE_MINUTE])
    made: list[Event] = []
    for topic in (MARKET_CANDLE, MARKET_TICK):
        values = [record.value for record in outlet.records if record.topic == topic.name]
        if values:
            stepped = operator.step_values(topic, values, lambda _number: ())
            assert (stepped.n_taken, stepped.rejected) == (len(values), [])
            made += [output.event for _, output in stepped.outputs]
    return made


def outlet_of(session: Session) -> RecordingOutlet:
    assert isinstance(session.outlet, RecordingOutlet)
    return session.outlet


def described(bars: Sequence[BarClosed]) -> pd.DataFrame:
    rows = [(b.start_ms, b.n_trades, b.open, b.high, b.low, b.close, b.volume) for b in bars]
    return pd.DataFrame(rows, columns=["T", "count", "first", "max", "min", "last", "volume"]).set_index("T")


def assert_whole(made: Sequence[Event], expected: pd.DataFrame) -> None:
    bars = [event for event in made if isinstance(event, BarClosed) and event.start_ms >= FIRST_MS]
    pd.testing.assert_frame_equal(described(bars), expected, check_dtype=False, rtol=1e-12)
    assert not [event for event in made if isinstance(event, AlertRaised)]


def test_script_has_the_numbers_of_the_case(recorded_data: Path) -> None:
    minutes = minutes_of_capture(recorded_data / IDS_ALWAYS_ZERO)
    assert minutes.index.tolist() == [FIRST_MS]
    assert minutes["count"].tolist() == [2931]
    assert minutes["volume"].round(2).tolist() == [79.69]


def test_every_trade_is_in_its_bar_once(capture: Path, recorded_data: Path) -> None:
    session = session_of(settings_of(capture), RememberingHistory())
    warm_up(session)
    assert replay(session)
    expected = minutes_of_capture(recorded_data / IDS_ALWAYS_ZERO)
    assert_whole(made_of(outlet_of(session)), expected)


@pytest.mark.parametrize("n_published", [1, 2_600, 4_000])
def test_every_trade_is_in_its_bar_once_when_the_log_was_lost(
    capture: Path, recorded_data: Path, n_published: int
) -> None:
    """The broker forgets everything: what is stored is published again, and the capture goes on after it."""
    history, settings = RememberingHistory(), settings_of(capture)
    first = session_of(settings, history)
    warm_up(first)
    history.store(outlet_of(first).events())
    asked = iter(range(n_published))
    before = session_of(settings, history, is_stopped=lambda: next(asked, None) is None)
    assert not replay(before)
    history.store(outlet_of(before).events())
    after = session_of(settings, history)
    warm_up(after)
    assert replay(after)
    assert_whole(made_of(outlet_of(after)), minutes_of_capture(recorded_data / IDS_ALWAYS_ZERO))
    history.store(outlet_of(after).events())
    stored = [tick for tick in history.ticks("replay-capture") if tick.event_time_ms >= FIRST_MS]
    assert len(stored) == n_from_the_first_whole_minute(recorded_data)


def n_from_the_first_whole_minute(recorded_data: Path) -> int:
    return int((trades_of(recorded_data / IDS_ALWAYS_ZERO)["T"] >= FIRST_MS).sum())


# With a broker that is killed


@contextmanager
def broker(endpoints: Endpoints, directory: Path) -> Iterator[dict[str, str]]:
    """An embedded broker of its own beside the session's stores; what its clients find in their environment."""
    settings = LauncherSettings(
        data_dir=directory, redis_url=endpoints.redis_url, database_url=endpoints.database_url
    )
    with running_servers(settings, {"PATH": os.environ.get("PATH", "")}):
        yield os.environ | {"DRIFTLINE_DATA_DIR": str(directory)}


def kill_broker(directory: Path) -> None:
    identity = json.loads((directory / "pids" / "broker.json").read_bytes())
    os.killpg(identity["pid"], signal.SIGKILL)


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[None]:
    """A process of the platform; it is killed with -9 at the end of the block."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=60)


@contextmanager
def platform(environment: dict[str, str]) -> Iterator[None]:
    """What the launcher starts for a capture, without scoring: the source, the market processor, the history."""
    with ExitStack() as stack:
        stack.enter_context(running(environment, "stream_processors", "market"))
        stack.enter_context(running(environment, "stream_processors", "history"))
        command = [sys.executable, "-m", "producers", "warm-up"]
        subprocess.run(command, env=environment, check=True, timeout=DEADLINE_S)
        stack.enter_context(running(environment, "producers", "replay"))
        yield


def wait_until(is_true: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < until_s, "it was not there in time"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["always 0", "start again within a minute"])
def test_history_is_whole_after_the_broker_was_killed(
    name: str, recorded_data: Path, tmp_path: Path, endpoints: Endpoints
) -> None:
    ids, repeats = CAPTURES[name]
    path = rewritten(recorded_data / IDS_ALWAYS_ZERO, tmp_path / "capture.gz", ids, repeats=repeats)
    stream, n_trades = f"replay-{uuid4().hex[:12]}", n_from_the_first_whole_minute(recorded_data)
    run = {
        "DRIFTLINE_DATA": str(path),
        "DRIFTLINE_HISTORY": str(history_before(tmp_path, until_ms=FIRST_MS)),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_SPEED": "20",
    }
    with PostgresPool(endpoints.database_url) as pool:

        def n_stored() -> int:
            return sum(1 for _ in StoredMarket(pool).ticks(stream))

        def bars() -> list[BarClosed]:
            stored = StoredMarket(pool).bars(stream, instrument=INSTRUMENT, interval="1m", limit=10)
            return [bar for bar in stored if bar.start_ms >= FIRST_MS]

        with broker(endpoints, tmp_path / "first") as environment, platform(environment | run):
            wait_until(lambda: n_stored() > n_trades // 4)
            kill_broker(tmp_path / "first")
        assert n_stored() < n_trades
        with broker(endpoints, tmp_path / "second") as environment, platform(environment | run):
            wait_until(lambda: n_stored() == n_trades and len(bars()) == 1)
        expected = minutes_of_capture(recorded_data / IDS_ALWAYS_ZERO)
        assert_whole(bars(), expected)
        stored = list(StoredMarket(pool).ticks(stream))
        assert [(tick.event_time_ms, tick.price, tick.size) for tick in stored] == _trades(recorded_data)
        assert len({tick.fact() for tick in stored if isinstance(tick, TickObserved)}) == n_trades


def _trades(recorded_data: Path) -> list[tuple[int, float, float]]:
    trades = trades_of(recorded_data / IDS_ALWAYS_ZERO)
    return list(trades.loc[trades["T"] >= FIRST_MS, ["T", "p", "q"]].itertuples(index=False, name=None))
