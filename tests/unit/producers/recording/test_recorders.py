"""The recorder: what it keeps, when it writes, and what it does when the disk cannot be written."""

from pathlib import Path

import pytest
from pyarrow import parquet

from producers.jobs.recording.folders import day_folder, days, joined
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import parts_of, rows_of_day
from producers.jobs.recording.recorder_options import RecorderOptions
from producers.jobs.recording.recorders import FileRecorder
from producers.normalise.observations import FundingSettled, Liquidation, OpenInterest
from producers.sources.sockets import Received
from producers.sources.venues import Reading
from schemas.errors import StateError
from schemas.wire.clocks import ManualClock, SystemClock
from tests.fakes.recordings import (
    DAY_MS,
    INSTRUMENT,
    LATE_MS,
    QUOTES,
    SOURCE,
    STREAM,
    a_recorder,
    full_reading,
    quote_reading,
    recorded_numbers,
    say,
)


def _rows(folder: Path, kind: RecordedKind) -> list[dict[str, object]]:
    where = day_folder(folder, STREAM, kind, LATE_MS // DAY_MS * DAY_MS)
    found: list[dict[str, object]] = rows_of_day(where, kind).to_pylist()
    return found


def test_a_message_becomes_a_row_of_each_kind_that_it_holds(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, ManualClock(now_ms=LATE_MS))
    recorder.record(SOURCE, Received(b"", LATE_MS + 3), full_reading(7, LATE_MS))
    recorder.flush()
    common = {"source": SOURCE, "instrument": INSTRUMENT, "received_ms": LATE_MS + 3}
    assert _rows(tmp_path, RecordedKind.TRADES) == [
        common
        | {"time_ms": LATE_MS, "trade_id": 7, "price": 60_000.0, "size": 0.5}
        | {"is_buyer_maker": True, "is_aggregate": False}
    ]
    assert _rows(tmp_path, RecordedKind.MARKS) == [
        common
        | {"time_ms": LATE_MS, "mark": 60_001.0, "index": 60_002.0}
        | {"funding_rate": 0.0001, "next_funding_ms": None}
    ]
    assert len(_rows(tmp_path, RecordedKind.QUOTES)) == 1


def test_polled_facts_are_rows_too(tmp_path: Path) -> None:
    facts = (
        FundingSettled("BTCUSDT", LATE_MS, 0.0002, None),
        OpenInterest("BTCUSDT", LATE_MS, 81_000.5),
        Liquidation("BTCUSDT", LATE_MS, True, 60_000.0, None, 1.0, 0.0, "NEW"),  # noqa: FBT003
    )
    recorder = a_recorder(tmp_path, ManualClock(now_ms=LATE_MS))
    recorder.record(SOURCE, Received(b"", LATE_MS), Reading(perpetual=[(INSTRUMENT, fact) for fact in facts]))
    recorder.flush()
    assert _rows(tmp_path, RecordedKind.FUNDINGS)[0]["rate"] == 0.0002
    assert _rows(tmp_path, RecordedKind.OPEN_INTEREST)[0]["base_units"] == 81_000.5
    assert _rows(tmp_path, RecordedKind.LIQUIDATIONS)[0]["status"] == "NEW"


def test_kinds_that_are_not_wanted_are_left_out(tmp_path: Path) -> None:
    recorder = FileRecorder(tmp_path, ManualClock(now_ms=LATE_MS), stream=STREAM, kinds=[QUOTES])
    recorder.record(SOURCE, Received(b"", LATE_MS), full_reading(1, LATE_MS))
    recorder.flush()
    assert not days(tmp_path, STREAM, RecordedKind.TRADES)
    assert recorded_numbers(tmp_path, LATE_MS) == [1]


def test_rows_of_both_sides_of_midnight_go_to_their_days(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, clock := ManualClock(now_ms=LATE_MS))
    for number in range(6):
        # Two followers hand over in turns, and one is a little behind.
        say(recorder, range(number, number + 1), LATE_MS + 120_000 + (1 if number % 2 else -1))
    clock.sleep(121)
    recorder.flush()
    assert recorded_numbers(tmp_path, LATE_MS) == [0, 2, 4]
    assert recorded_numbers(tmp_path, LATE_MS + 120_000) == [1, 3, 5]


def test_a_thread_writes_before_the_time_when_there_are_enough_rows(tmp_path: Path) -> None:
    recorder = FileRecorder(
        tmp_path, clock := SystemClock(), stream=STREAM, options=RecorderOptions(flush_s=600, rows_of_part=5)
    )
    recorder.start()
    now_ms = clock.now_ms()
    say(recorder, range(5), now_ms)
    deadline_s = clock.monotonic_s() + 60
    while not recorded_numbers(tmp_path, now_ms) and clock.monotonic_s() < deadline_s:
        clock.sleep(0.01)
    say(recorder, range(5, 7), now_ms)
    recorder.close()
    assert recorded_numbers(tmp_path, now_ms) == list(range(7))


def test_rows_wait_for_a_disk_and_what_is_beyond_the_limit_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.write_text("a file stands where the folder should be")
    recorder = a_recorder(folder, ManualClock(now_ms=LATE_MS), most_rows=4)
    say(recorder, range(6), LATE_MS)
    recorder.flush()
    folder.unlink()
    recorder.flush()
    say(recorder, range(6, 7), LATE_MS)
    recorder.flush()
    assert recorded_numbers(folder, LATE_MS) == [0, 1, 2, 3, 6]
    parts = parts_of(day_folder(folder, STREAM, QUOTES, LATE_MS // DAY_MS * DAY_MS))
    assert [part.facts.n_lost for part in parts] == [2, 0]


def test_a_number_that_fits_no_column_costs_its_own_row_alone(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, ManualClock(now_ms=LATE_MS))
    say(recorder, range(3), LATE_MS)
    recorder.record(SOURCE, Received(b"", LATE_MS), quote_reading(2**64))
    say(recorder, range(3, 5), LATE_MS)
    recorder.flush()
    assert recorded_numbers(tmp_path, LATE_MS) == list(range(5))


def test_a_day_that_is_over_becomes_one_file(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, clock := ManualClock(now_ms=LATE_MS))
    for begin in range(0, 30, 10):
        say(recorder, range(begin, begin + 10), LATE_MS)
        recorder.flush()
    recorder.merge()
    (day,) = days(tmp_path, STREAM, QUOTES)
    assert len(parts_of(day)) == 3
    (day / ".1-killed.parquet.1.partial").write_bytes(b"begun")
    clock.sleep(720)
    recorder.merge()
    (file,) = day.iterdir()
    assert recorded_numbers(tmp_path, LATE_MS) == list(range(30))
    assert parquet.read_metadata(file).num_row_groups == 1


def test_a_late_row_of_a_day_that_is_one_file_joins_it(tmp_path: Path) -> None:
    clock = ManualClock(now_ms=LATE_MS)
    recorder = a_recorder(tmp_path, clock)
    say(recorder, range(3), LATE_MS)
    recorder.flush()
    clock.sleep(720)
    recorder.merge()
    for number in (3, 4):
        say(recorder, range(number, number + 1), LATE_MS)
        recorder.flush()
        clock.sleep(86_400)
        recorder.merge()
    (day,) = days(tmp_path, STREAM, QUOTES)
    assert len(list(day.iterdir())) == 1
    assert recorded_numbers(tmp_path, LATE_MS) == list(range(5))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path, ManualClock(now_ms=LATE_MS))
    say(recorder, range(3), LATE_MS)
    recorder.flush()
    (day,) = days(tmp_path, STREAM, QUOTES)
    (day / "1-x.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(StateError, match="1-x"):
        parts_of(day)


def test_stretches_that_touch_are_one() -> None:
    assert joined([(30, 40), (0, 10), (10, 20)]) == ((0, 20), (30, 40))
