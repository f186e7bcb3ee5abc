"""Follows the venues of a mirror through all failures, and judges every trade and every bar of the whole time."""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.events import TickObserved
from schemas.gaps import Gap, GapKind
from schemas.topics import MARKET_BAR, MARKET_CANDLE, MARKET_TICK
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.reading import read_range
from schemas.wire.settings import Endpoints
from tests.chaos.collect.judging import (
    BarVerdict,
    HistoryVerdict,
    TradeVerdict,
    bars_of,
    candles_of,
    judge_bars,
    judge_history,
    judge_trades,
    ticks_of,
)
from tests.chaos.collect.processes import Kept, run_to_end
from tests.chaos.collect.scenarios import Scenario
from tests.mirror.candles import MINUTE_MS
from tests.mirror.markets import Market
from tests.mirror.running import RunningMirror

RECOVERED_S = 180.0
#: So long a run goes on without venues that stay away.
AWAY_S = 60.0
KRAKEN_MINUTES = 700
#: The warm-up is killed so long after each of its first starts.
WARM_UP_KILLS_S = (1.5, 3.0, 4.5)


class Result(NamedTuple):
    """What came of one failure; times are of the mirror's clock.

    Attributes:
        n_struck: How many answers and sockets of the mirror failed, or how often the follower was killed or stopped.
        stays_away: Whether the venues are left alone for a while after it, so that they do not come back.
    """

    name: str
    from_ms: int
    until_ms: int
    recovered_s: float | None
    trades: TradeVerdict = TradeVerdict()
    n_gaps: int = 0
    n_open: int = 0
    n_struck: int = 0
    stays_away: bool = False


class Course:
    """One run on a mirror.

    Args:
        mirror: The sources.
        endpoints: The servers.
        environment: Of the processes.
        stream: The run.
        logs: Where logs lie.
    """

    def __init__(
        self,
        mirror: RunningMirror,
        endpoints: Endpoints,
        environment: Mapping[str, str],
        stream: str,
        logs: Path,
    ) -> None:
        self._mirror = mirror
        self._endpoints = endpoints
        self._environment = environment
        self._stream = stream
        self._logs = logs
        self._market = Kept("market", ("stream_processors", "market"), environment, logs)
        self._warmed_ms = 0
        self._follower = Kept("follow", ("producers", "follow"), environment, logs)
        world = mirror.mirror.world
        self.markets: dict[str, Market] = {
            "BTC-USDT.BINANCE": world.binance,
            "BTC-USD.COINBASE": world.coinbase,
            "BTC-USD.KRAKEN": world.kraken,
        }

    @property
    def n_kills(self) -> int:
        """How often the follower was killed."""
        return sum(code == -signal.SIGKILL for code in self._follower.codes)

    @property
    def crashes(self) -> list[int]:
        """The exit codes with which the follower ended by itself."""
        return [code for code in self._follower.codes if code != -signal.SIGKILL]

    def warm_up(self, n_kills_wanted: int) -> tuple[int, int]:
        """Publish the history, killed at several moments; return how often it was killed, and the last exit code."""
        self._warmed_ms = self._mirror.mirror.clock()
        n_kills = 0
        for kill_after_s in WARM_UP_KILLS_S[:n_kills_wanted]:
            code, _ = run_to_end(
                "warm-up", ("producers", "warm-up"), self._environment, self._logs, kill_after_s=kill_after_s
            )
            n_kills += code == -signal.SIGKILL
        return n_kills, run_to_end("warm-up", ("producers", "warm-up"), self._environment, self._logs)[0]

    def judged_history(self, days: int) -> HistoryVerdict:
        """Judge what the warm-up published: as many minutes as the venue hands out, Kraken's last 700 alone."""
        until_ms = self._warmed_ms - self._warmed_ms % MINUTE_MS - 3 * MINUTE_MS
        candles = candles_of(self._endpoints.kafka, self._stream)
        verdicts = [
            judge_history(
                market,
                candles.get(name, []),
                until_ms - (KRAKEN_MINUTES if "KRAKEN" in name else days * 1440 - 60) * MINUTE_MS,
                until_ms,
            )
            for name, market in self.markets.items()
        ]
        return HistoryVerdict(*(sum(column) for column in zip(*verdicts, strict=True)))

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the venues within the block."""
        try:
            self._recovered(self._mirror.mirror.clock())
            yield
        finally:
            self._follower.end()
            self._market.end()

    def suffer(self, scenario: Scenario) -> Result:
        """Let a failure happen, and wait until every venue's trades come again."""
        from_ms = self._mirror.mirror.clock()
        self._mirror.mirror.control({"faults": list(scenario.faults)})
        self._pass(scenario)
        n_struck = sum(fault["n_hit"] for fault in self._mirror.mirror.faults.present()) + len(scenario.kills)
        n_struck += sum(fault["kind"] == "skew" for fault in scenario.faults) + (scenario.pause_s > 0)
        self._mirror.heal()
        healed_ms = self._mirror.mirror.clock()
        recovered_s = self._recovered(healed_ms, AWAY_S if scenario.stays_away else RECOVERED_S)
        until_ms = self._mirror.mirror.clock()
        return Result(
            scenario.name, from_ms, until_ms, recovered_s, n_struck=n_struck, stays_away=scenario.stays_away
        )

    def _pass(self, scenario: Scenario) -> None:
        began_s = time.monotonic()
        kills = list(scenario.kills)
        if scenario.pause_s:
            self._follower.send(signal.SIGSTOP)
        while (passed_s := time.monotonic() - began_s) < scenario.lasts_s:
            if scenario.pause_s and passed_s >= scenario.pause_s:
                self._follower.send(signal.SIGCONT)
            if kills and passed_s >= kills[0]:
                kills.pop(0)
                self._follower.send(signal.SIGKILL)
            self._look()
            time.sleep(0.05)
        self._follower.send(signal.SIGCONT)

    def _look(self) -> None:
        self._market.look()
        self._follower.look()

    def _recovered(self, after_ms: int, longest_s: float = RECOVERED_S) -> float | None:
        """Wait for a trade of each venue that was made after a time; return how long that took."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < longest_s:
            self._look()
            newest = {name: ticks[-1].event_time_ms for name, ticks in self._ticks().items()}
            if len(newest) == len(self.markets) and min(newest.values()) > after_ms:
                return time.monotonic() - began_s
            time.sleep(0.5)
        return None

    def _ticks(self) -> dict[str, list[TickObserved]]:
        return ticks_of(self._endpoints.kafka, self._stream)

    # Judging

    def dump(self, path: Path) -> None:
        """Write every record of trades, candles and bars in the order of their partitions."""
        with path.open("w") as file:
            for topic in (MARKET_TICK, MARKET_CANDLE, MARKET_BAR):
                starts = {(topic.name, partition): 0 for partition in range(topic.n_partitions)}
                for record in read_range(self._endpoints.kafka, starts):
                    value = (record.value or b"null").decode()
                    file.write(f"{topic.name} {record.partition} {record.offset} {value}\n")
            for name, gaps in self._gaps().items():
                for gap in gaps:
                    file.write(f"gap {name} {gap}\n")

    def wait_for_bars(self) -> tuple[int, int]:
        """Wait until the bars of the present minute are there; return the span of all whole minutes."""
        first_ms = max(ticks[0].event_time_ms for ticks in self._ticks().values())
        from_ms = (first_ms // MINUTE_MS + 1) * MINUTE_MS
        until_ms = (self._mirror.mirror.clock() // MINUTE_MS + 1) * MINUTE_MS
        ends_s = time.monotonic() + RECOVERED_S
        while time.monotonic() < ends_s:
            self._look()
            bars = bars_of(self._endpoints.kafka, self._stream)
            if all(any(bar.event_time_ms >= until_ms for bar in bars.get(name, ())) for name in self.markets):
                break
            time.sleep(1.0)
        return from_ms, until_ms

    def judged(self, results: list[Result]) -> list[Result]:
        """Complete results with what became of the trades of their time."""
        ticks, gaps = self._ticks(), self._gaps()
        found = []
        for result in results:
            span = (result.from_ms, result.until_ms)
            trades = TradeVerdict()
            for name, market in self.markets.items():
                trades = trades.plus(judge_trades(market, ticks[name], gaps.get(name, []), *span))
            met = [
                gap for of in gaps.values() for gap in of if gap.start_ms < span[1] and span[0] < gap.end_ms
            ]
            n_open = sum(gap.is_open for gap in met)
            found.append(result._replace(trades=trades, n_gaps=len(met), n_open=n_open))
        return found

    def judged_bars(self, from_ms: int, until_ms: int) -> BarVerdict:
        """Judge the bars of all venues together."""
        bars, gaps = bars_of(self._endpoints.kafka, self._stream), self._gaps()
        verdicts = [
            judge_bars(market, bars.get(name, []), gaps.get(name, []), from_ms, until_ms)
            for name, market in self.markets.items()
        ]
        counts = (sum(each[place] for each in verdicts) for place in range(4))
        return BarVerdict(*counts, "; ".join(each.first_wrong for each in verdicts if each.first_wrong))

    def _gaps(self) -> dict[str, list[Gap]]:
        with PostgresPool(self._endpoints.database_url, max_connections=1) as pool:
            found = StoredGaps(pool).gaps(self._stream)
        by_name: dict[str, list[Gap]] = {}
        for gap in found:
            if gap.kind in {GapKind.TRADES, GapKind.CANDLES}:
                by_name.setdefault(gap.instrument, []).append(gap)
        return by_name
