"""The second-stage join, one rule at a time; and that it makes what the tables make, to the bit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.codec import nan_from_null, null_from_nan
from schemas.companions import Companions
from schemas.errors import InvariantError, SnapshotMismatchError
from schemas.events import Event, FeaturesComputed, VectorComputed, WatermarkAdvanced
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR
from stream_processors.features.batch import compute_table
from stream_processors.features.vector_declarations import spec_of
from stream_processors.features.vectors import with_companions
from stream_processors.operators.join_targets import features_partition, features_place
from stream_processors.operators.keys import parts_of
from stream_processors.operators.vectors import VectorOperator
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.keeping import keep, kept
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, T0, returned, silence, watermark
from tests.fixtures.operators import COMPANION, COMPANIONS, feature_row
from tests.fixtures.recorded_bars import bars_of, minutes_of

OWN, BESIDE = features_partition(INSTRUMENT), features_place(COMPANION)
PERPETUAL = "BTC-USDT-PERP.SIMULATED"


def operator(companions: dict[str, Companions] | None = None, stream: str | None = None) -> VectorOperator:
    return VectorOperator(partition=OWN, companions=companions or COMPANIONS, stream=stream)


def said(machine: VectorOperator, *events: Event) -> list[Event]:
    """What follows, each event out of the partition of its source."""
    outputs = [
        output
        for event in events
        for output in (
            machine.step_beside(BESIDE, event)
            if event.source == "simulated"
            else machine.step(FEATURES_MARKET, event)
        )
    ]
    assert all(output.topic is FEATURES_VECTOR for output in outputs)
    return [output.event for output in outputs]


def vectors(machine: VectorOperator, *events: Event) -> list[VectorComputed]:
    return [event for event in said(machine, *events) if isinstance(event, VectorComputed)]


def own(minute: int, **given: Any) -> FeaturesComputed:
    return feature_row(minute * MINUTE, number=float(minute), **given)


def other(minute: int, *, late_ms: int = 0, **given: Any) -> FeaturesComputed:
    end_ms = minute * MINUTE
    return feature_row(end_ms, number=2.0 * minute, known_ms=end_ms + late_ms, instrument=COMPANION, **given)


def passed(minute: float) -> WatermarkAdvanced:
    return watermark(int(minute * MINUTE), source="simulated")


def test_row_waits_for_its_companions_watermark() -> None:
    """::

    BTC  -- row 1 -----------------------|  out with ETH's row 1
    ETH  ----------- row 1 - watermark 1 -|
    """
    machine = operator()
    assert vectors(machine, own(1), other(1)) == []
    (made,) = vectors(machine, passed(1))
    assert made.event_time_ms == T0 + MINUTE
    assert made.joined == {COMPANION: T0 + MINUTE}
    assert made.values["coin_log_return_1"] == other(1).values["log_return_1"]
    assert list(made.values) == list(spec_of(COMPANIONS[INSTRUMENT]).names)


def test_own_row_is_always_in_it_as_it_was() -> None:
    row = own(1)
    (made,) = vectors(operator(), row, passed(1))
    assert {name: made.values[name] for name in row.values} == row.values
    assert (made.close, made.is_warm, made.source, made.interval) == (
        row.close,
        row.is_warm,
        row.source,
        row.interval,
    )


def test_what_is_known_later_than_the_allowance_closes_the_cut_too() -> None:
    """::

    ETH  -- row 1 --- watermark 0.9, known at 1 min + 2,001 ms --|  nothing of row 1's time can join any more
    """
    machine = operator()
    said(machine, own(1), other(1))
    late = msgspec.structs.replace(passed(0.9), known_time_ms=T0 + MINUTE + 2_000)
    assert vectors(machine, late) == []
    (made,) = vectors(machine, msgspec.structs.replace(late, known_time_ms=T0 + MINUTE + 2_001))
    assert made.joined == {COMPANION: T0 + MINUTE}


@pytest.mark.parametrize(("late_ms", "joins"), [(1_999, 2), (2_000, 2), (2_001, 1)])
def test_companions_row_joins_when_it_was_known_within_the_allowance(late_ms: int, joins: int) -> None:
    machine = operator()
    made = vectors(machine, own(1), own(2), other(1), other(2, late_ms=late_ms), passed(2))
    assert made[-1].joined == {COMPANION: T0 + joins * MINUTE}
    assert made[-1].known_time_ms == T0 + 2 * MINUTE + (late_ms if joins == 2 else 0)


def test_late_row_stays_out_joins_what_ends_later_and_is_counted_there() -> None:
    machine = operator()
    made = vectors(machine, own(1), own(2), other(1, late_ms=30_000), passed(1), passed(2))
    assert [vector.joined[COMPANION] for vector in made] == [None, T0 + MINUTE]
    assert [vector.n_late for vector in made] == [0, 1]
    assert made[0].values["coin_log_return_1"] is None
    assert made[1].values["coin_age"] == 1.0


def test_row_behind_a_watermark_that_passed_it_stays_out_whichever_partition_is_read_first() -> None:
    """What would be joined otherwise would hang on how far own partition had been read."""
    first, second = operator(), operator()
    rows, beside = (own(1), own(2)), (passed(1), other(1), passed(2))
    found = vectors(first, *rows, *beside)
    assert vectors(second, *beside, *rows) == found
    assert [vector.joined[COMPANION] for vector in found] == [None, T0 + MINUTE]


def test_companion_that_is_silent_while_its_watermarks_go_on_is_undefined_after_five_bars() -> None:
    machine = operator()
    said(machine, other(1))
    made = [vector for minute in range(1, 9) for vector in vectors(machine, own(minute), passed(minute))]
    assert [vector.joined[COMPANION] for vector in made] == [*[T0 + MINUTE] * 6, None, None]
    assert made[-1].values["coin_age"] is None


def test_intervals_join_their_own_kind_and_leave_in_the_order_of_the_partition() -> None:
    machine = operator()
    quarter = Interval.FIFTEEN_MINUTES
    said(machine, own(15), own(15, interval=quarter), other(15), other(15, interval=quarter))
    made = vectors(machine, passed(15))
    assert [vector.interval for vector in made] == [Interval.ONE_MINUTE, quarter]
    assert all(vector.joined == {COMPANION: T0 + 15 * MINUTE} for vector in made)


def test_watermark_says_that_all_vectors_are_out() -> None:
    machine = operator()
    assert said(machine, own(1), watermark(MINUTE)) == []
    made = said(machine, other(1), passed(1))
    assert [type(event) for event in made[-2:]] == [VectorComputed, WatermarkAdvanced]
    assert made[-1].event_time_ms == T0 + MINUTE


def test_row_of_another_release_is_left_out() -> None:
    old = msgspec.structs.replace(own(1), feature_spec_hash="ab" * 32, values={"gone": 1.0})
    assert vectors(operator(), old, passed(1)) == []


def test_row_without_the_features_that_its_hash_states_is_refused() -> None:
    machine = operator()
    with pytest.raises(InvariantError, match="must hold"):
        said(machine, msgspec.structs.replace(own(1), values={}))
    assert len(vectors(machine, own(1), passed(1))) == 1


def test_other_runs_are_not_joined_when_one_is_named() -> None:
    assert vectors(operator(stream="replay-another"), own(1), passed(1)) == []
    assert len(vectors(operator(stream=STREAM), own(1), passed(1))) == 1


def test_no_row_is_given_up_however_many_wait_for_a_companion_that_says_nothing() -> None:
    """Behind the 512th waiting row the oldest ones were dropped, silently: hours of predictions were lost."""
    machine, n_rows = operator(), 2_000
    assert vectors(machine, *(own(minute) for minute in range(1, n_rows + 1))) == []
    assert machine.holds == (FEATURES_MARKET.name,)
    assert machine.needs_beside == {BESIDE}
    assert [wait.n_rows for wait in machine.waits()] == [n_rows]
    made = vectors(machine, passed(n_rows))
    assert [vector.event_time_ms for vector in made] == [T0 + m * MINUTE for m in range(1, n_rows + 1)]
    assert not machine.holds
    assert not machine.needs_beside


def test_companions_rows_from_long_before_the_target_begins_are_there_when_it_does() -> None:
    """Of a target that had not begun, all but the newest 1,024 rows of its companion were dropped."""
    machine = operator()
    said(machine, *(event for minute in range(1, 3_001) for event in (other(minute), passed(minute))))
    assert machine.holds_beside == {BESIDE}
    (made,) = vectors(machine, own(5))
    assert made.joined == {COMPANION: T0 + 5 * MINUTE}


def test_own_row_behind_its_own_watermark_is_joined_alike_whatever_was_read_before() -> None:
    """What it might ask for was let go at its own watermark, so that it hung on how far the other was read."""
    first, second = operator(), operator()
    rows, beside = (watermark(9 * MINUTE), own(2)), (other(1), other(2), other(3), other(9), passed(9))
    found = vectors(first, *rows, *beside)
    assert vectors(second, *beside, *rows) == found
    assert [vector.joined[COMPANION] for vector in found] == [T0 + 2 * MINUTE]


def test_own_row_more_than_a_day_behind_its_own_watermark_is_joined_to_nothing() -> None:
    day = 24 * 60
    beside = (other(1), other(2), *(other(2 + minute) for minute in range(1, 10)), passed(day + 9))
    rows = (watermark((day + 3) * MINUTE), own(2), watermark((day + 9) * MINUTE))
    first, second = operator(), operator()
    found = vectors(first, *rows, *beside)
    assert vectors(second, *beside, *rows) == found
    assert [vector.joined[COMPANION] for vector in found] == [None]


@pytest.mark.parametrize(
    ("said_of_it", "is_out"),
    [
        (silence(2 * MINUTE, source="simulated"), True),
        (silence(MINUTE, source="simulated"), False),
        (silence(MINUTE, absent_until_ms=2 * MINUTE, source="simulated"), False),
        (silence(MINUTE, absent_until_ms=2 * MINUTE + 1, source="simulated"), True),
        (returned(2 * MINUTE + 1, source="simulated"), True),
        (returned(2 * MINUTE, source="simulated"), False),
    ],
)
def test_absent_companion_is_not_waited_for_where_its_absence_is_vouched_for(
    said_of_it: Event, *, is_out: bool
) -> None:
    """::

    BTC  ---- row 2 -------------------------------------|  out without ETH's
    ETH  row 1 - silent from 1 on, nothing comes before 2 -|
    """
    machine = operator()
    made = vectors(machine, own(2), other(1), passed(1), said_of_it)
    assert [vector.joined for vector in made] == ([{COMPANION: T0 + MINUTE}] if is_out else [])


def test_absence_that_is_said_again_lets_rows_go_as_far_as_it_vouches() -> None:
    machine = operator()
    said(machine, other(1), passed(1), *(own(minute) for minute in range(1, 10)))
    again = [
        silence(MINUTE, absent_until_ms=until * MINUTE + 1, source="simulated") for until in (3, 3, 4, 8)
    ]
    assert [len(vectors(machine, absence)) for absence in again] == [2, 0, 1, 4]


def test_row_of_another_instrument_of_the_source_closes_no_cut() -> None:
    """Else it would matter whether the target lies in the companion's partition."""
    beside = features_place("SOL-USDT.SIMULATED")
    machine = operator({INSTRUMENT: Companions(coin="SOL-USDT.SIMULATED")})
    list(machine.step(FEATURES_MARKET, own(1)))
    late = feature_row(MINUTE, instrument="XRP-USDT.SIMULATED", known_ms=9 * MINUTE)
    assert list(machine.step_beside(beside, late)) == []


def test_state_holds_a_waiting_row_once_and_nothing_of_what_came_and_went() -> None:
    machine, entries = operator(), dict[bytes, bytes]()
    keep(machine, entries)
    said(machine, own(1), other(1), passed(1))
    first = {parts_of(change.key)[0] for change in machine.changes()}
    assert "own" not in first
    said(machine, own(2))
    waiting = [parts_of(change.key)[0] for change in machine.changes()]
    assert sorted(waiting) == ["own", "series"]
    said(machine, own(3))
    assert [parts_of(c.key)[-1] for c in machine.changes() if parts_of(c.key)[0] == "own"] == [
        T0 + 3 * MINUTE
    ]


def test_run_that_is_forgotten_leaves_no_key() -> None:
    machine, entries = operator(), dict[bytes, bytes]()
    said(machine, own(1), own(2), other(1), passed(1))
    keep(machine, entries)
    machine.forget(STREAM)
    keep(machine, entries)
    assert [parts_of(key)[0] for key in entries] == ["release"]


def test_state_of_other_companions_is_refused() -> None:
    entries = kept(operator())
    with pytest.raises(SnapshotMismatchError, match="companions"):
        operator({INSTRUMENT: Companions(perpetual=PERPETUAL)}).restore(entries)
    for key in entries:
        with pytest.raises(SnapshotMismatchError, match="release"):
            operator().restore(entries | {key: b"\x93"})


# The same as the tables


def rows_of(table: FeatureTable, instrument: str, interval: Interval) -> list[Event]:
    """A table as what the market job says of it, each bar with its watermark."""
    script: list[Event] = []
    source = instrument.rsplit(".", 1)[1].lower()
    for i, as_of_ms in enumerate(table.as_of_ms.tolist()):
        script.append(
            FeaturesComputed(
                event_time_ms=as_of_ms,
                known_time_ms=int(table.known_ms[i]),
                source=source,
                stream=STREAM,
                instrument=instrument,
                interval=interval,
                close=float(table.close[i]),
                feature_spec_hash=table.feature_spec_hash,
                is_warm=bool(table.is_warm[i]),
                values=dict(zip(table.names, null_from_nan(table.values[i].tolist()), strict=True)),
            )
        )
        script.append(
            WatermarkAdvanced(event_time_ms=as_of_ms, known_time_ms=as_of_ms, source=source, stream=STREAM)
        )
    return script


def live(tables: dict[str, FeatureTable], companions: Companions, interval: Interval) -> list[VectorComputed]:
    """What the operator makes, reading its partitions in long stretches, one behind the other."""
    target = next(iter(tables))
    machine = VectorOperator(partition=features_partition(target), companions={target: companions})
    scripts = [(features_partition(name), rows_of(table, name, interval)) for name, table in tables.items()]
    found: list[VectorComputed] = []
    stretch_ms = 200 * interval.milliseconds
    for first in range(tables[target].as_of_ms[0], tables[target].as_of_ms[-1] + 1, stretch_ms):
        for number, script in scripts:
            while script and script[0].event_time_ms < first + stretch_ms:
                found.extend(_made(machine, number, script.pop(0)))
    return found


def _made(machine: VectorOperator, number: int, event: Event) -> Iterator[VectorComputed]:
    is_own = number == machine.partition
    outputs = (
        machine.step(FEATURES_MARKET, event)
        if is_own
        else machine.step_beside((FEATURES_MARKET.name, number), event)
    )
    return (output.event for output in outputs if isinstance(output.event, VectorComputed))


def assert_same(found: list[VectorComputed], table: FeatureTable) -> None:
    values = np.array([nan_from_null(vector.values.values()) for vector in found])
    assert [vector.event_time_ms for vector in found] == table.as_of_ms.tolist()
    assert [vector.known_time_ms for vector in found] == table.known_ms.tolist()
    assert {vector.feature_spec_hash for vector in found} == {table.feature_spec_hash}
    assert tuple(found[0].values) == table.names
    assert values.tobytes() == table.values.tobytes()


def test_live_vectors_are_those_of_the_tables_where_rows_are_late_and_missing() -> None:
    chance, names = np.random.default_rng(5), (INSTRUMENT, "ETH-USDT.BINANCE", "BTC-USDT-PERP.BINANCE")
    companions, tables = Companions(coin=names[1], perpetual=names[2]), {}
    for number, name in enumerate(names):
        table = compute_table(random_walk(700, seed=number))
        late_ms = chance.choice([0, 0, 0, 1_500, 2_000, 2_500, 40_000], 700)
        keep = chance.random(700) > 0.02
        keep[300:312] = number == 0
        tables[name] = FeatureTable(
            names=table.names,
            feature_spec_hash=table.feature_spec_hash,
            as_of_ms=table.as_of_ms[keep],
            known_ms=np.maximum.accumulate(table.as_of_ms + late_ms)[keep],
            close=table.close[keep],
            is_warm=table.is_warm[keep],
            values=table.values[keep],
        )
    expected = with_companions(tables[INSTRUMENT], tables, companions, interval=Interval.ONE_MINUTE)
    found = live(tables, companions, Interval.ONE_MINUTE)
    assert_same(found, expected)
    assert any(vector.n_late for vector in found)
    assert any(vector.joined["ETH-USDT.BINANCE"] is None for vector in found)


@pytest.mark.recorded
def test_recorded_june_is_joined_live_as_in_the_tables_to_the_bit(recorded_data: Path) -> None:
    june = {
        f"{coin}-USDT.BINANCE": compute_table(
            minutes_of(
                recorded_data / "prices" / f"{coin.lower()}usdt_binance_spot_1m_segments.parquet",
                "2025-06-05",
                "2025-06-17",
            )
        )
        for coin in ("BTC", "ETH")
    }
    companions = Companions(coin="ETH-USDT.BINANCE")
    found = live(june, companions, Interval.ONE_MINUTE)
    assert len(found) == 12 * 24 * 60
    assert_same(found, with_companions(june[INSTRUMENT], june, companions, interval=Interval.ONE_MINUTE))


@pytest.mark.recorded
def test_recorded_hours_are_joined_with_coin_and_perpetual_as_in_the_tables(recorded_data: Path) -> None:
    files = {
        INSTRUMENT: "btcusdt_binance_spot_1h",
        "ETH-USDT.BINANCE": "ethusdt_binance_spot_1h",
        "BTC-USDT-PERP.BINANCE": "btcusdt_binance_perp_1h",
    }
    hours = {
        name: compute_table(
            bars_of(
                recorded_data / "prices" / f"{file}.parquet",
                "2024-12-01",
                "2025-09-01",
                interval=Interval.ONE_HOUR,
            )
        )
        for name, file in files.items()
    }
    companions = Companions(coin="ETH-USDT.BINANCE", perpetual="BTC-USDT-PERP.BINANCE")
    found = live(hours, companions, Interval.ONE_HOUR)
    assert_same(found, with_companions(hours[INSTRUMENT], hours, companions, interval=Interval.ONE_HOUR))
    assert sum(vector.joined["BTC-USDT-PERP.BINANCE"] is not None for vector in found) > 5_000
