"""The judge of ``make chaos-stream`` sees what it is there for: lost, doubled, changed and swapped records."""

import itertools

import pytest

from schemas.topics import FEATURES_MARKET, MARKET_TICK
from tests.chaos.stream.judging import differences
from tests.chaos.stream.markets import MINUTE_MS, ORIGIN_MS, endless
from tests.chaos.stream.references import Outputs, outputs_of, until
from tests.chaos.stream.watching import Seen

KEY = b"BTC-USDT.BINANCE"
N_MINUTES = 3


def value(minute: int, close: float = 1.0) -> bytes:
    return f'{{"type":"FeaturesComputed","event_time_ms":{minute * MINUTE_MS},"close":{close}}}'.encode()


def outputs(*values: bytes) -> Outputs:
    return {(FEATURES_MARKET.name, KEY): list(values)}


EXPECTED = outputs(value(1), value(2), value(3))


def test_the_same_records_do_not_differ() -> None:
    assert differences(outputs(value(1), value(2), value(3)), EXPECTED) == []


@pytest.mark.parametrize(
    ("found", "minute"),
    [
        (outputs(value(1), value(3)), 2),  # lost
        (outputs(value(1), value(2)), 3),  # lost at the end
        (outputs(value(1), value(2), value(2), value(3)), 3),  # doubled
        (outputs(value(1), value(2), value(3), value(4)), 4),  # too much at the end
        (outputs(value(1), value(2, close=2.0), value(3)), 2),  # changed
        (outputs(value(2), value(1), value(3)), 1),  # swapped
        ({}, 1),  # nothing at all
    ],
)
def test_any_other_record_is_seen_where_it_begins(found: Outputs, minute: int) -> None:
    (difference,) = differences(found, EXPECTED)
    assert difference.end_ms == minute * MINUTE_MS


def test_a_key_that_was_never_to_come_differs() -> None:
    found = EXPECTED | {(FEATURES_MARKET.name, b"other"): [value(1)]}
    (difference,) = differences(found, EXPECTED)
    assert difference.key == b"other"


def test_what_ends_later_than_the_run_is_left_out() -> None:
    seen = [Seen(FEATURES_MARKET.name, 0, KEY, value(n), n * MINUTE_MS, 0.0) for n in (1, 2, 3)]
    assert outputs_of(seen, end_ms=2 * MINUTE_MS) == outputs(value(1), value(2))


def test_the_market_is_the_same_however_much_of_it_is_used() -> None:
    end_ms = ORIGIN_MS + N_MINUTES * MINUTE_MS
    part = list(until(7, end_ms))
    assert part == list(itertools.islice(endless(7), len(part)))
    closings = [piece.partition for piece in part if piece.closes_ms == end_ms]
    assert sorted(closings) == list(range(MARKET_TICK.n_partitions))
    assert all(piece.event_ms < end_ms for piece in part if piece.closes_ms is None)


def test_every_minute_of_every_partition_is_closed_once() -> None:
    pieces = until(7, ORIGIN_MS + N_MINUTES * MINUTE_MS)
    closings = [(piece.partition, piece.closes_ms) for piece in pieces if piece.closes_ms is not None]
    assert len(closings) == len(set(closings)) == MARKET_TICK.n_partitions * (N_MINUTES + 1)


def test_a_market_of_many_instruments_closes_a_bar_of_each_of_them() -> None:
    pieces = list(until(7, ORIGIN_MS + N_MINUTES * MINUTE_MS, 60))
    minutes = [piece.closes_ms for piece in pieces if piece.closes_ms is not None]
    assert minutes.count(ORIGIN_MS + N_MINUTES * MINUTE_MS) == MARKET_TICK.n_partitions
    traded = {(piece.key, piece.event_ms // MINUTE_MS) for piece in pieces if piece.key != b"binance"}
    assert len(traded) == 60 * N_MINUTES + sum(
        at * MINUTE_MS == ORIGIN_MS + N_MINUTES * MINUTE_MS for _, at in traded
    )
