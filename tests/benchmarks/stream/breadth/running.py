"""One number of instruments: full speed, minutes by the clock, kills; and what was seen of each."""

import math
import time
from collections import Counter
from typing import NamedTuple

from schemas import codec
from schemas.events import FeaturesComputed
from schemas.topics import FEATURES_MARKET
from schemas.wire.kafka import Positions
from tests.benchmarks.stream.breadth import changelogs, markets, stores
from tests.benchmarks.stream.breadth.paces import Pace, pacing
from tests.benchmarks.stream.breadth.pacing import Plan
from tests.benchmarks.stream.breadth.rows import Rows
from tests.benchmarks.stream.breadth.scales import Scale
from tests.benchmarks.stream.breadth.stores import Stores
from tests.benchmarks.stream.breadth.workers import Worker, running_sink
from tests.benchmarks.stream.expectations import Key, differences, expected_features
from tests.benchmarks.stream.feeding import Feed
from tests.benchmarks.stream.markets import MINUTE_MS, Market
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell
from tests.benchmarks.stream.watching import WrongOutputError

#: Nothing comes for so long, and the run is given up.
_IDLE_S = 120.0
_SETTLE_S = 1.0
#: A minute of life: what is behind for longer does not keep up.
MINUTE_S = 60.0
#: Event time that is made for the kills beside the minutes that are measured, in seconds of the clock.
_SPARE_S = 180.0
_LONGEST_SINK_S = 180.0
_BETWEEN_KILLS_S = 2.0
#: Until the last of what full speed left to be logged is.
_LEFT_OVER_S = 3.0


class LoggedPosition(NamedTuple):
    """What was logged of the state in a stretch.

    Attributes:
        n_bytes: By the kind of key.
        n_closes: Minutes times instruments.
    """

    n_bytes: Counter[str]
    n_ticks: int
    n_closes: int


class Paced(NamedTuple):
    """What was seen while minutes closed by the clock.

    Attributes:
        closes_s: From a minute's closing record to its last committed row, by minute.
        delays: From there to its last view in Redis and its last row in Postgres, of minutes that
            were looked at.
        recoveries_s: From a kill to the first commit in every partition.
        sink_lag: Offsets that the history sink had left when the ticks ended.
        sink_caught_up_s: How long it then took for them.
    """

    closes_s: list[float]
    delays: list[stores.Delays]
    logged: LoggedPosition
    recoveries_s: list[float]
    sink_lag: int
    sink_caught_up_s: float


class Found(NamedTuple):
    """What was measured.

    Attributes:
        rate: Ticks/s of what waited in the log, and what was logged of the state meanwhile.
        peak_bytes: Of the worker's memory.
    """

    scale: Scale
    rate: float
    logged: LoggedPosition
    paced: Paced
    peak_bytes: int


def run(servers: Servers, database_url: str, scale: Scale, *, intervals: str) -> Found:
    """Put a number of instruments through all of it.

    Raises:
        WrongOutputError: If a row is missing, doubled or different.
    """
    servers.empty()
    stores.empty_tables(database_url)
    before, market = markets.history(scale), markets.measured(scale)
    ends = _ends(market)
    _tell(scale, f"{len(market.trades):,} ticks are being published")
    feed = Feed(servers.kafka, ready=markets.closed(before), held=markets.closed(market))
    with (
        Rows(servers.kafka, n_instruments=scale.n_instruments, keep=ends) as rows,
        Worker(servers, intervals=intervals) as worker,
    ):
        rows.wait_for([before.end_ms], idle_s=_IDLE_S, is_alive=worker.is_alive)
        time.sleep(_SETTLE_S)
        from_here = changelogs.position(servers.kafka)
        let_go = feed.let_go()
        rate = len(market.trades) / (rows.wait_for(ends, idle_s=_IDLE_S, is_alive=worker.is_alive) - let_go)
        _tell(scale, f"{rate:,.0f} ticks/s")
        time.sleep(_SETTLE_S)
        logged = _logged(
            servers, from_here, n_ticks=len(market.trades), n_closes=len(ends) * scale.n_instruments
        )
        _refuse(_wrong_values(rows, before, market) + rows.wrong_numbers([*_ends(before), *ends]))
        paced = _paced(servers, database_url, market, scale, rows=rows, worker=worker)
    return Found(scale, rate, logged, paced, worker.peak_bytes)


def _tell(scale: Scale, line: str) -> None:
    tell(f"breadth, {scale.n_instruments:,} instruments: {line}")


def _ends(market: Market) -> range:
    return range(market.start_ms + MINUTE_MS, market.end_ms + 1, MINUTE_MS)


def _logged(servers: Servers, from_here: Positions, *, n_ticks: int, n_closes: int) -> LoggedPosition:
    n_bytes = changelogs.weights(servers.kafka, from_here, changelogs.position(servers.kafka))
    return LoggedPosition(n_bytes, n_ticks, n_closes)


def _wrong_values(rows: Rows, before: Market, market: Market) -> list[str]:
    """The measured minutes' rows that differ from what their ticks lead to."""
    events = [codec.decode(FEATURES_MARKET, value) for value in rows.kept]
    rows.kept.clear()
    seen: dict[Key, FeaturesComputed] = {(event.instrument, event.event_time_ms): event for event in events}
    expected = expected_features(before, market)
    return differences(seen, {key: each for key, each in expected.items() if key[1] > market.start_ms})


def _refuse(problems: list[str]) -> None:
    if problems:
        message = f"{len(problems)} wrong outputs: {'; '.join(problems[:3])}"
        raise WrongOutputError(message)


def _paced(
    servers: Servers, database_url: str, market: Market, scale: Scale, *, rows: Rows, worker: Worker
) -> Paced:
    """Minutes by the clock, with Redis and Postgres behind them, and then the kills."""
    plan = Plan(
        broker=servers.kafka.bootstrap_servers,
        n_instruments=scale.n_instruments,
        n_minutes=scale.n_closes + 2 + math.ceil((_LEFT_OVER_S + _SPARE_S) * scale.speed / MINUTE_S),
        start_ms=market.end_ms,
        speed=scale.speed,
    )
    stores.skip_to_the_end(servers.kafka)
    with stores.looking(servers, database_url, [each.instrument for each in market.listings]) as looks:
        with running_sink(servers):
            with pacing(plan) as pace:
                time.sleep(_SETTLE_S)
                pace.begin()
                delays, logged = _closes(servers, pace, looks, scale, rows=rows, worker=worker)
                n_closed = len(pace.closed())
                recoveries_s = [_recovery_s(worker, scale) for _ in range(scale.n_kills)]
            closed = pace.closed()
            sink_lag, began = stores.sink_lag(servers.kafka), time.monotonic()
            sink_caught_up_s = stores.catching_up_s(servers.kafka, since=began, longest_s=_LONGEST_SINK_S)
        rows.wait_for(closed, idle_s=_IDLE_S, is_alive=worker.is_alive)
        _refuse(rows.wrong_numbers(closed))
    in_peace = sorted(closed)[:n_closed]
    closes_s = [rows.moments[end_ms] - closed[end_ms] for end_ms in in_peace]
    return Paced(closes_s, delays, logged, recoveries_s, sink_lag, sink_caught_up_s)


def _closes(
    servers: Servers, pace: Pace, looks: Stores, scale: Scale, *, rows: Rows, worker: Worker
) -> tuple[list[stores.Delays], LoggedPosition]:
    """Look at one minute after the other; those that close meanwhile are passed over by the stores."""
    delays: list[stores.Delays] = []
    from_here: Positions | None = None
    n_before, began = 0, time.monotonic()
    while from_here is None or len(pace.closed()) < n_before + scale.n_closes:
        n_closed = len(pace.closed())
        end_ms = pace.wait_for(n_closed + 1)
        closed_at = pace.closed()[end_ms]
        rows.wait_for([end_ms], idle_s=_IDLE_S, is_alive=worker.is_alive)
        if time.monotonic() - began < _LEFT_OVER_S:
            continue
        if from_here is None:
            from_here, n_before = changelogs.position(servers.kafka), len(pace.closed())
            continue
        delays.append(looks.wait_for(end_ms, closed_at, longest_s=2 * MINUTE_S))
        _tell(
            scale,
            f"a minute's rows after {rows.moments[end_ms] - closed_at:.2f} s, "
            f"its views after {delays[-1].views_s:.2f} s, in Postgres after {delays[-1].rows_s:.2f} s",
        )
    assert from_here is not None
    n_minutes = len(pace.closed()) - n_before
    n_closes = n_minutes * scale.n_instruments
    return delays, _logged(servers, from_here, n_ticks=n_closes * markets.TICKS_PER_MINUTE, n_closes=n_closes)


def _recovery_s(worker: Worker, scale: Scale) -> float:
    """Kill the worker when it is at the end of its input."""
    most = max(100, 2 * scale.n_instruments * markets.TICKS_PER_MINUTE * scale.speed / MINUTE_S)
    deadline = time.monotonic() + _IDLE_S
    while worker.lag() > most and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(_BETWEEN_KILLS_S)
    took_s = worker.recovery_s()
    _tell(scale, f"killed, and committing again after {took_s:.2f} s")
    return took_s
