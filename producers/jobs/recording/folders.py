"""Where the files of a recording lie, and what each says about itself. Without pyarrow, which takes 50 MB."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from producers.jobs.recording.kinds import RecordedKind
from schemas.time import text_of_time

DAY_MS: Final = 86_400_000


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says about itself.

    Attributes:
        stretches: When the recorder ran, as far as this file has its rows: ``[from, until)`` by the clock of the recorder.
            Between two stretches nothing was recorded.
        n_lost: How many rows were let go in these stretches, because the disk could not be written.
        replaces: The names of the files whose rows it holds.
    """

    stretches: tuple[tuple[int, int], ...]
    n_lost: int = 0
    replaces: tuple[str, ...] = ()


def day_folder(folder: Path, stream: str, kind: RecordedKind, day_ms: int) -> Path:
    """Return the folder of the files of a day.

    Args:
        folder: Of all recordings.
        stream: The run.
        kind: Of the rows.
        day_ms: The beginning of the day, in UTC.
    """
    return folder / quote(stream, safe="") / kind / text_of_time(day_ms, "day")


def streams(folder: Path) -> list[str]:
    """Return the runs of which there is a recording, by name."""
    return sorted(unquote(path.name) for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def days(folder: Path, stream: str, kind: RecordedKind) -> list[Path]:
    """Return the folders of the days of a kind, oldest first.

    Args:
        folder: Of all recordings.
        stream: The run.
        kind: Of the rows.
    """
    of_kind = folder / quote(stream, safe="") / kind
    return sorted(path for path in of_kind.iterdir() if path.is_dir()) if of_kind.is_dir() else []


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return stretches by their beginning, those that touch or overlap as one.

    Example:
        >>> joined([(5, 7), (0, 2), (2, 4)])
        ((0, 4), (5, 7))
    """
    result: list[tuple[int, int]] = []
    for from_ms, until_ms in sorted(stretches):
        if result and from_ms <= result[-1][1]:
            result[-1] = result[-1][0], max(until_ms, result[-1][1])
        else:
            result.append((from_ms, until_ms))
    return tuple(result)
