"""Finds where a recording stopped: its newest trade and funding of each instrument, and when its recorder last ran."""

from collections.abc import Collection
from pathlib import Path

from producers.jobs.recording.folders import days
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import newest_rows, parts_of
from producers.jobs.recording.perpetuals import RecordedTrade

#: So many of the newest days are looked at: trades are not fetched from further back.
_N_DAYS = 2


def newest_trades(folder: Path, stream: str, instruments: Collection[str]) -> dict[str, RecordedTrade]:
    """Return the newest recorded trade of each instrument that has one among the newest days.

    Args:
        folder: Of all recordings.
        stream: The run.
        instruments: Those that are looked for.
    """
    found: dict[str, RecordedTrade] = {}
    for day in reversed(days(folder, stream, RecordedKind.TRADES)[-_N_DAYS:]):
        wanted = set(instruments) - found.keys()
        for name, row in newest_rows(day, wanted, ("trade_id", "time_ms")).items():
            found[name] = RecordedTrade(*row)
    return found


def newest_fundings(folder: Path, stream: str, instruments: Collection[str]) -> dict[str, int]:
    """Return the time of the newest recorded funding of each instrument that has one.

    Args:
        folder: Of all recordings.
        stream: The run.
        instruments: Those that are looked for.
    """
    found: dict[str, int] = {}
    for day in reversed(days(folder, stream, RecordedKind.FUNDINGS)):
        wanted = set(instruments) - found.keys()
        if not wanted:
            break
        found |= {name: row[0] for name, row in newest_rows(day, wanted, ("time_ms",)).items()}
    return found


def last_ran_ms(folder: Path, stream: str) -> int | None:
    """Return until when mark prices are recorded, which come each second; None if there are none."""
    for day in reversed(days(folder, stream, RecordedKind.MARKS)):
        stretches = [stretch for part in parts_of(day) for stretch in part.facts.stretches]
        if stretches:
            return max(until_ms for _, until_ms in stretches)
    return None
