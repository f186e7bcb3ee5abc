"""Messages as a recorder gets them, and a program whose recorder is killed at any of its operations on files."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from producers.jobs.recording import day_files as _loaded_before_forking  # noqa: F401
from producers.jobs.recording.folders import day_folder
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import rows_of_day
from producers.jobs.recording.recorder_options import RecorderOptions
from producers.jobs.recording.recorders import FileRecorder
from producers.normalise.observations import MarkPrice, VenueQuote
from producers.normalise.trades import VenueTrade
from producers.sources.sockets import Received
from producers.sources.venues import Reading
from schemas.time import parse_time
from schemas.wire.clocks import ManualClock

STREAM = "mirror-0123456789ab"
INSTRUMENT = "BTC-USDT-PERP.BINANCE"
SOURCE = "binance-futures"
DAY_MS = 86_400_000
#: Two minutes before the end of a day.
LATE_MS = parse_time("2024-08-09T23:58:00Z", "a time")
QUOTES = RecordedKind.QUOTES
CRASHED = 137
_FILE_EVENTS = ("os.rename", "os.remove", "os.mkdir")


def quote_reading(number: int) -> Reading:
    """A message with one quote that has a number."""
    return Reading(quotes=[(INSTRUMENT, VenueQuote("BTCUSDT", 60_000.0, 1.0, 60_000.1, 2.0, 5, number))])


def full_reading(number: int, time_ms: int) -> Reading:
    """A message with a quote, a trade and a mark price."""
    trade = VenueTrade("BTCUSDT", number, 60_000.0, 0.5, time_ms, is_buyer_maker=True)
    mark = MarkPrice("BTCUSDT", time_ms, 60_001.0, 60_002.0, 0.0001, None)
    quotes = quote_reading(number).quotes
    return Reading(quotes=quotes, trades=[(INSTRUMENT, trade)], perpetual=[(INSTRUMENT, mark)])


def say(recorder: FileRecorder, numbers: range, received_ms: int) -> None:
    """Let a recorder hear of numbered quotes."""
    for number in numbers:
        recorder.record(SOURCE, Received(b"", received_ms), quote_reading(number))


def recorded_numbers(folder: Path, day_ms: int) -> list[int]:
    """The numbers of the quotes of a day."""
    where = day_folder(folder, STREAM, QUOTES, day_ms // DAY_MS * DAY_MS)
    found: list[int] = rows_of_day(where, QUOTES)["update_id"].to_pylist()
    return found


def a_recorder(folder: Path, clock: ManualClock, **options: Any) -> FileRecorder:
    """A recorder that writes when it is told."""
    return FileRecorder(folder, clock, stream=STREAM, options=RecorderOptions(**options))


def live_over_three_days(folder: Path, acknowledge: Callable[[int], None]) -> None:
    """Record over three days; after each flush, the numbers below the acknowledged one are on the disk."""
    clock = ManualClock(now_ms=LATE_MS)
    recorder = a_recorder(folder, clock)
    for begin in range(0, 50, 10):
        say(recorder, range(begin, begin + 10), clock.now_ms())
        recorder.flush()
        acknowledge(begin + 10)
        recorder.merge()
        clock.sleep(43_200)


def _crash_at(event: int) -> None:
    """Let this process die before its n-th operation on a file, as a kill would."""
    n_seen = 0

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        nonlocal n_seen
        is_writing = (
            name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if name in _FILE_EVENTS or is_writing:
            n_seen += 1
            if n_seen == event:
                os._exit(CRASHED)

    sys.addaudithook(hook)


def _acknowledger(path: Path) -> Callable[[int], None]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def acknowledge(n: int) -> None:
        os.write(descriptor, f"{n}\n".encode())

    return acknowledge


def main(folder: Path) -> None:
    """Record in one child after another, each of which dies one operation later, until one lives to the end."""
    for event in range(1, 1_000):
        of_child = folder / f"{event:03d}"
        of_child.mkdir()
        child = os.fork()
        if child == 0:
            acknowledge = _acknowledger(of_child / "acknowledged")
            _crash_at(event)
            live_over_three_days(of_child / "recording", acknowledge)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != CRASHED:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
