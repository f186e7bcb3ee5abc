"""Laws of the recorded perpetual: whatever is cut and whoever is killed, each trade is recorded once, in order.

What cannot be fetched any more is a gap of the ledger, and nothing else is missing.
"""

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.jobs.recording.folders import days
from producers.jobs.recording.gap_notes import GIVEN_UP, RecordingGaps
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import rows_of_day
from producers.jobs.recording.perpetuals import PerpetualFollower
from producers.jobs.recording.recorders import FileRecorder
from producers.jobs.recording.resuming import last_ran_ms, newest_trades
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from schemas.gaps import GapKind, MemoryGaps
from schemas.wire.clocks import ManualClock
from tests.fakes.played_exchanges import PlayedExchange

PERPETUAL = "BTC-USDT-PERP.BINANCE"
STREAM = "mirror-0123456789ab"
#: Ten minutes before midnight, so that a run spans two days.
T0 = 1_763_942_400_000 - 600_000
FLUSH_S = 20.0


def trades(chance: random.Random, *, n: int = 3_000) -> list[VenueTrade]:
    found, at = list[VenueTrade](), float(T0)
    for number in range(n):
        at += chance.choice([0, 1, 40, 900])
        found.append(VenueTrade("BTCUSDT", 500 + number, 100.0, 1.0, int(at), chance.random() < 0.5))
    return found


class PlayedPerpetual(PlayedExchange):
    """Its answers are all readable."""

    def take_rejected(self) -> list[RejectedRow]:
        return []


class Recording:
    """A recorder and its follower, which are killed and started again over one folder."""

    def __init__(self, folder: Path, exchange: PlayedExchange, clock: ManualClock) -> None:
        self.folder, self.exchange, self.clock = folder, exchange, clock
        self.ledger = MemoryGaps()

    def live(self, until_ms: int, *, is_killed: bool) -> None:
        recorder = FileRecorder(self.folder, self.clock, stream=STREAM)
        follower = PerpetualFollower(
            self.exchange,
            self.exchange,
            self.clock,
            recorder=recorder,
            gaps=RecordingGaps(self.ledger, self.clock, stream=STREAM, source=self.exchange.name),
            newest=newest_trades(self.folder, STREAM, [PERPETUAL]),
            last_ran_ms=last_ran_ms(self.folder, STREAM),
            chance=random.Random(1),
        )
        due_s = self.clock.monotonic_s() + FLUSH_S
        while self.clock.now_ms() < until_ms:
            self.clock.sleep(follower.step() or 0.001)
            if self.clock.monotonic_s() >= due_s:
                recorder.flush()
                recorder.merge()
                due_s += FLUSH_S
        if not is_killed:
            recorder.close()

    def ids(self) -> list[int]:
        found: list[int] = []
        for day in days(self.folder, STREAM, RecordedKind.TRADES):
            found += rows_of_day(day, RecordedKind.TRADES)["trade_id"].to_pylist()
        return found


def recording(folder: Path, made: list[VenueTrade]) -> Recording:
    clock = ManualClock(now_ms=T0 + 5_000)
    exchange = PlayedPerpetual("binance-futures", clock, {PERPETUAL: made}, page=100)
    return Recording(folder, exchange, clock)


def recorded_through(run: Recording, until_ms: int, kills: list[int]) -> list[int]:
    for at_ms in kills:
        run.live(at_ms, is_killed=True)
        run.clock.sleep(7.0)
    run.live(until_ms, is_killed=False)
    return run.ids()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_each_trade_is_recorded_once_and_in_order_whatever_is_cut_or_killed(seed: int) -> None:
    chance = random.Random(seed)
    made = trades(chance)
    until_ms = made[-1].time_ms + 60_000
    with tempfile.TemporaryDirectory() as folder:
        run = recording(Path(folder), made)
        moments = sorted(chance.randrange(T0 + 30_000, until_ms - 240_000) for _ in range(12))
        run.exchange.cuts = moments[::2]
        run.exchange.never_sent = {(PERPETUAL, chance.randrange(len(made))) for _ in range(10)}
        down_ms = chance.choice(moments)
        run.exchange.socket_is_down = [(down_ms, down_ms + 25_000)]
        run.exchange.rest_is_down = [(down_ms + 5_000, down_ms + 40_000)]
        found = recorded_through(run, until_ms, moments[1::4])
    assert len(found) > 1_000
    assert found == list(range(found[0], made[-1].trade_id + 1))
    assert all(gap.closed_by == GIVEN_UP for gap in run.ledger.gaps(STREAM))


def test_trades_out_of_reach_are_a_gap_that_says_how_many(tmp_path: Path) -> None:
    made = trades(random.Random(3))
    run = recording(tmp_path, made)
    position = next(n for n, trade in enumerate(made) if trade.time_ms > T0 + 60_000)
    run.exchange.never_sent = {(PERPETUAL, n) for n in range(position, position + 5)}
    run.exchange.oldest_trade_id[PERPETUAL] = made[position].trade_id + 3
    found = recorded_through(run, T0 + 120_000, [])
    lost = range(made[position].trade_id, made[position].trade_id + 5)
    assert sorted(set(range(found[0], found[-1] + 1)) - set(found)) == list(lost)
    (gap,) = run.ledger.gaps(STREAM, is_open=True)
    assert (gap.kind, gap.n_missing, gap.instrument) == (GapKind.TRADES, 5, PERPETUAL)


def test_a_cut_costs_quotes_and_the_ledger_says_when(tmp_path: Path) -> None:
    run = recording(tmp_path, trades(random.Random(4)))
    run.exchange.socket_is_down = [(T0 + 60_000, T0 + 75_000)]
    recorded_through(run, T0 + 150_000, [])
    (gap,) = run.ledger.gaps(STREAM)
    assert gap.kind is GapKind.QUOTES
    assert gap.closed_by == GIVEN_UP
    assert gap.start_ms <= T0 + 60_100
    assert gap.end_ms >= T0 + 75_000


def test_a_recorder_that_was_away_for_more_than_a_day_leaves_an_open_gap(
    tmp_path: Path,
) -> None:
    made = trades(random.Random(5))
    late = [
        VenueTrade(
            "BTCUSDT",
            made[-1].trade_id + 1 + n,
            100.0,
            1.0,
            made[-1].time_ms + 90_000_000 + n * 500,
            is_buyer_maker=False,
        )
        for n in range(200)
    ]
    run = recording(tmp_path, [*made, *late])
    run.live(made[-1].time_ms - 300_000, is_killed=True)
    before = run.ids()
    run.clock.sleep((late[20].time_ms - run.clock.now_ms()) / 1000)
    run.live(late[-1].time_ms + 10_000, is_killed=False)
    assert run.ids()[: len(before)] == before
    assert run.ids()[-1] == late[-1].trade_id
    (gap,) = run.ledger.gaps(STREAM, is_open=True)
    assert gap.n_missing == run.ids()[len(before)] - before[-1] - 1
