"""How much was recorded: files, rows, bytes and hours by kind and day, and what a day costs."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from producers.jobs.recording.folders import DAY_MS, days, joined, streams
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import parts_of


class RecordedDay(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of one kind on one day.

    Attributes:
        hours: For how long the recorder ran.
        n_lost: How many rows were let go, because the disk could not be written or a number fitted no column.
    """

    stream: str
    kind: RecordedKind
    day: str
    n_files: int
    n_rows: int
    n_bytes: int
    hours: float
    n_lost: int


class DayCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole day of a kind costs at the rate that was recorded.

    Attributes:
        hours: For how long that was; little of it makes the rest uncertain.
    """

    stream: str
    kind: RecordedKind
    rows_a_day: float
    bytes_a_day: float
    hours: float


def recorded_days(folder: Path) -> Iterator[RecordedDay]:
    """Yield what is recorded, by run, kind and day.

    Args:
        folder: Of all recordings.

    Raises:
        StateError: If a file is not readable.
    """
    for stream in streams(folder):
        for kind in RecordedKind:
            for day in days(folder, stream, kind):
                yield _recorded(stream, kind, day)


def _recorded(stream: str, kind: RecordedKind, folder: Path) -> RecordedDay:
    parts = parts_of(folder)
    stretches = joined(stretch for part in parts for stretch in part.facts.stretches)
    return RecordedDay(
        stream=stream,
        kind=kind,
        day=folder.name,
        n_files=len(parts),
        n_rows=sum(part.n_rows for part in parts),
        n_bytes=sum(part.n_bytes for part in parts),
        hours=sum(until_ms - from_ms for from_ms, until_ms in stretches) / 3_600_000,
        n_lost=sum(part.facts.n_lost for part in parts),
    )


def costs(recorded: list[RecordedDay]) -> list[DayCost]:
    """Return what a day of each kind costs, by run and kind.

    The time is that of the kind that was recorded longest on each day, because the recorder runs for all kinds at once, and a
    kind of which little comes has few files to tell it.
    """
    hours: dict[tuple[str, str], float] = {}
    for each in recorded:
        key = (each.stream, each.day)
        hours[key] = max(hours.get(key, 0.0), each.hours)
    kinds = dict.fromkeys((each.stream, each.kind) for each in recorded)
    return [
        _cost(stream, kind, recorded, sum(time for (of, _), time in hours.items() if of == stream))
        for stream, kind in kinds
        if any(time > 0 for (of, _), time in hours.items() if of == stream)
    ]


def _cost(stream: str, kind: RecordedKind, recorded: list[RecordedDay], hours: float) -> DayCost:
    of_kind = [each for each in recorded if (each.stream, each.kind) == (stream, kind)]
    factor = DAY_MS / 3_600_000 / hours
    return DayCost(
        stream=stream,
        kind=kind,
        rows_a_day=factor * sum(each.n_rows for each in of_kind),
        bytes_a_day=factor * sum(each.n_bytes for each in of_kind),
        hours=hours,
    )
