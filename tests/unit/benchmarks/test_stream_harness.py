"""The harness of ``make bench-stream``, without servers or clocks: its ticks, and what it holds outputs against."""

from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from schemas.events import FeaturesComputed, TickObserved, WatermarkAdvanced
from tests.benchmarks.stream.breadth.figures import figures_of
from tests.benchmarks.stream.breadth.running import Found, LoggedPosition, Paced
from tests.benchmarks.stream.breadth.scales import FULL, Scale
from tests.benchmarks.stream.breadth.stores import Delays
from tests.benchmarks.stream.competitors import PEERS
from tests.benchmarks.stream.expectations import Key, differences, expected_features
from tests.benchmarks.stream.markets import (
    INSTRUMENTS,
    LISTINGS,
    MINUTE_MS,
    ORIGIN_MS,
    TICKS_PER_MINUTE,
    Market,
    make_market,
    partitions,
)
from tests.benchmarks.stream.options import read_options
from tests.benchmarks.stream.pacing import BURST_S, bursts
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, decode
from tests.benchmarks.stream.rates import Run
from tests.benchmarks.stream.records import Piece, records

N_MINUTES = 4


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(N_MINUTES)


@pytest.fixture(scope="module")
def pieces(market: Market) -> list[Piece]:
    return list(records(market, 0, len(market.trades), n_partitions=4))


def test_every_partition_of_four_has_two_instruments_and_of_two_has_four():
    assert np.bincount(partitions(4)).tolist() == [2, 2, 2, 2]
    assert np.bincount(partitions(2)).tolist() == [4, 4]


def test_every_minute_of_every_instrument_has_the_same_number_of_ticks(market: Market):
    minute = (market.trades.event_ms - ORIGIN_MS) // MINUTE_MS
    for listing in range(len(INSTRUMENTS)):
        mine = np.bincount(minute[market.trades.listing == listing])
        assert mine.tolist() == [TICKS_PER_MINUTE] * N_MINUTES + [1]


def test_ticks_come_in_bursts_on_the_grids_in_the_order_of_their_ids(market: Market):
    for i, listing in enumerate(LISTINGS):
        mine = market.trades.listing == i
        steps_ms = np.diff(market.trades.event_ms[mine])
        assert steps_ms.min() >= 0
        assert 0.5 < np.mean(steps_ms == 0) < 0.7
        assert np.all(np.diff(market.trades.trade_id[mine]) == 1)
        prices, sizes = market.trades.price[mine], market.trades.size[mine]
        assert prices.tolist() == np.round(prices, listing.price_decimals).tolist()
        assert sizes.min() >= 10.0**-listing.lot_decimals


def test_the_same_seed_makes_the_same_records(pieces: list[Piece]):
    again = make_market(N_MINUTES)
    assert list(records(again, 0, len(again.trades), n_partitions=4)) == pieces


@pytest.mark.parametrize("cut", [1, 2_500, 15_001])
def test_a_market_cut_anywhere_makes_the_same_records(market: Market, pieces: list[Piece], cut: int):
    first = list(records(market, 0, cut, n_partitions=4))
    rest = list(records(market, cut, len(market.trades), n_partitions=4))
    assert first + rest == pieces


def test_every_second_is_vouched_for_in_every_partition_before_its_first_tick(pieces: list[Piece]):
    said_ms = dict.fromkeys(range(4), 0)
    for piece in pieces:
        event = decode(piece.value)
        if isinstance(event, WatermarkAdvanced):
            assert event.event_time_ms > said_ms[piece.partition]
            said_ms[piece.partition] = event.event_time_ms
        else:
            assert 0 <= event.event_time_ms - said_ms[piece.partition] < 1_000


def _features(pieces: Iterable[Piece]) -> dict[Key, FeaturesComputed]:
    """The plainest program that does the job, over the records' bytes."""
    indicators = Indicators()
    minutes: dict[str, list[TickObserved]] = {}
    found: dict[Key, FeaturesComputed] = {}
    for piece in pieces:
        tick = decode(piece.value)
        if not isinstance(tick, TickObserved):
            continue
        held = minutes.setdefault(tick.instrument, [])
        if held and tick.event_time_ms // MINUTE_MS > held[0].event_time_ms // MINUTE_MS:
            prices = [trade.price for trade in held]
            start_ms = held[0].event_time_ms // MINUTE_MS * MINUTE_MS
            volume = 0.0
            for trade in held:
                volume += trade.size
            bar = Bar(tick.instrument, start_ms, prices[0], max(prices), min(prices), prices[-1], volume)
            found[(tick.instrument, start_ms + MINUTE_MS)] = indicators.features(bar)
            held.clear()
        held.append(tick)
    return found


def test_the_records_lead_to_what_is_expected_of_them(market: Market, pieces: list[Piece]):
    expected = expected_features(market)
    assert len(expected) == N_MINUTES * len(INSTRUMENTS)
    assert differences(_features(pieces), expected) == []


def test_many_instruments_in_stretches_that_follow_each_other_lead_to_what_is_expected_of_them():
    first = make_market(2, n_instruments=12, ticks_per_minute=1).without_end()
    second = make_market(2, n_instruments=12, ticks_per_minute=20, start_ms=first.end_ms)
    everything = [*records(first, 0, len(first.trades), n_partitions=4)]
    everything += records(second, 0, len(second.trades), n_partitions=4)

    expected = expected_features(first, second)

    assert len({listing.instrument for listing in first.listings}) == 12
    assert len(expected) == 12 * 4
    assert differences(_features(everything), expected) == []


def test_a_minute_is_closed_though_no_second_at_its_beginning_has_a_trade():
    """With few instruments the first watermark of a minute was of a later second, and closed nothing by name."""
    market = make_market(40, n_instruments=1, ticks_per_minute=1)
    pieces = list(records(market, 0, len(market.trades), n_partitions=4))
    closing = [piece.closes_ms for piece in pieces if piece.closes_ms is not None and piece.partition == 0]
    assert closing == [ORIGIN_MS + minute * MINUTE_MS for minute in range(41)]


def test_the_rate_of_the_last_part_counts_from_the_moment_when_all_before_it_was_there():
    # 10 outputs of 100 ticks each, in transactions at 1, 2 and 4 s: |xxxx|xxxx|..|xx
    run = Run(rate=0.0, n_ticks=1_000, n_watermarks=0, moments=[1.0] * 4 + [2.0] * 4 + [4.0] * 2)
    assert run.rate_of_last(0.2) == pytest.approx(200 / 2.0)
    assert run.rate_of_last(0.5) == pytest.approx(200 / 2.0)
    assert run.rate_of_last(0.6) == pytest.approx(600 / 3.0)


def _found(scale: Scale, *, rate: float, close_s: float) -> Found:
    logged = LoggedPosition(Counter({"open": 8_000, "whole": 900, "bars": 100}), n_ticks=100, n_closes=2)
    paced = Paced(
        closes_s=[close_s] * 4,
        delays=[Delays(0.5, float("inf"))],
        logged=logged,
        recoveries_s=[2.0, 3.0],
        sink_lag=7,
        sink_caught_up_s=0.1,
    )
    return Found(scale, rate, logged, paced, 200_000_000)


def test_the_breadth_is_held_against_its_bars():
    few, _, many, _ = FULL
    fewest = _found(few, rate=400_000.0, close_s=0.1)

    figures = {f.metric: f for f in figures_of(_found(many, rate=200_000.0, close_s=2.0), fewest=fewest)}

    rate = figures["1,000 instruments: at full speed"]
    assert (rate.bar, rate.holds, rate.ratio) == (240_000.0, False, 0.5)
    assert figures["1,000 instruments: closing record to the minute's last row, p99"].holds is False
    assert figures["1,000 instruments: to its last view in Redis, longest"].holds is True
    assert figures["1,000 instruments: to its last row in Postgres, longest"].holds is False
    assert figures["1,000 instruments, by the clock: changelog, of closes, per close"].value == 500.0
    assert figures["1,000 instruments, by the clock: changelog, all of it, per tick"].value == 90.0


def test_missing_invented_and_different_outputs_are_told_apart(market: Market, pieces: list[Piece]):
    found = _features(pieces)
    kept, lost, moved = sorted(found)[:3]
    wrong_values = {name: (0.5 if value is None else value) for name, value in found[kept].values.items()}
    found[kept] = msgspec.structs.replace(found[kept], values=wrong_values)
    found[moved] = msgspec.structs.replace(found[moved], close=1.0)
    found[("DOGE-USDT.BINANCE", 1)] = found[lost]
    del found[lost]

    problems = differences(found, expected_features(market))

    assert len(problems) == 4
    assert sum("is missing" in problem for problem in problems) == 1
    assert sum("was not to be expected" in problem for problem in problems) == 1
    assert sum("the close is 1.0" in problem for problem in problems) == 1
    assert sum("the features are" in problem for problem in problems) == 1


def test_bursts_hold_every_record_once_in_order_when_it_is_due(pieces: list[Piece]):
    speed = 60.0
    planned = list(bursts(pieces, speed=speed))
    assert [piece for _, burst in planned for piece in burst] == pieces
    for due_s, burst in planned:
        for piece in burst:
            waited_s = due_s - (piece.event_ms - ORIGIN_MS) / 1000 / speed
            assert 0 < waited_s <= BURST_S + 1e-9


def test_each_minute_s_end_is_stamped_once_in_each_partition(pieces: list[Piece]):
    closing = [(piece.partition, piece.closes_ms) for piece in pieces if piece.closes_ms is not None]
    ends = [ORIGIN_MS + minute * MINUTE_MS for minute in range(N_MINUTES + 1)]
    assert sorted(closing) == [(partition, end) for partition in range(4) for end in ends]


def test_every_peer_states_its_exact_version():
    for peers in PEERS.values():
        for peer in peers:
            assert peer.title.split()[1][0].isdigit()


def test_a_run_is_cut_down_by_variables_and_an_unknown_part_is_refused():
    options = read_options({"PARTS": "growth,latency", "PEERS": "none", "ROWS": "50000", "QUICK": "1"})
    assert (options.parts, options.peers, options.n_minutes) == (("latency", "growth"), (), 10)
    assert read_options({}).n_ticks == 1_000_000
    asked = read_options({"PARTS": "breadth", "INSTRUMENTS": "10000,8", "INTERVALS": "1m,1h"})
    assert [scale.n_instruments for scale in asked.scales] == [8, 10_000]
    assert asked.intervals == "1m,1h"
    with pytest.raises(ValueError, match="INSTRUMENTS must be some of"):
        read_options({"INSTRUMENTS": "9"})
    with pytest.raises(ValueError, match="PARTS must be some of"):
        read_options({"PARTS": "speed"})
