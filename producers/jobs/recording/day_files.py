"""Makes one file of the parts of a day that is over: some thousand small files a day would be left otherwise.

The file names the parts that it replaces, and they are deleted after it has appeared.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from producers.jobs.recording.folders import PartFacts, joined
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import Part, part_at, parts_of, schema_of, write_whole

_ENDING = "-day.parquet"
#: The rows that are held in memory meanwhile.
_ROWS_OF_GROUP = 200_000


def merge_day(folder: Path, kind: RecordedKind, *, session: str, number: int) -> Path | None:
    """Make one file of the files of a day; None if there is nothing to do.

    It may be interrupted anywhere: the rows are there once, in the parts or in the file of the day. What a recorder that
    was killed had begun to write is deleted.

    Args:
        folder: Of the day.
        kind: Of its rows.
        session: Names the recorder.
        number: Of the file in the session.

    Raises:
        OSError: If the file cannot be written, or a part not be deleted.
        StateError: If a file is not readable.
    """
    for begun in folder.glob(".*.partial"):
        begun.unlink(missing_ok=True)
    parts = parts_of(folder)
    _delete_replaced(folder, keep=parts)
    if len(parts) < 2:
        return None
    facts = PartFacts(
        stretches=joined(stretch for part in parts for stretch in part.facts.stretches),
        n_lost=sum(part.facts.n_lost for part in parts),
        replaces=tuple(part.path.name for part in parts),
    )
    first_ms = parts[0].path.name.partition("-")[0]
    path = folder / f"{first_ms}-{session}-{number:06d}{_ENDING}"
    write_whole(path, _groups(parts), schema_of(kind), facts)
    _delete_replaced(folder, keep=[part_at(path)])
    return path


def _delete_replaced(folder: Path, *, keep: Sequence[Part]) -> None:
    """Delete what the files that are kept replace."""
    for name in {name for part in keep for name in part.facts.replaces}:
        (folder / name).unlink(missing_ok=True)


def _groups(parts: Sequence[Part]) -> Iterator[pa.Table]:
    """Yield the rows of parts in groups, so that a day need not fit into memory."""
    waiting: list[pa.Table] = []
    for part in parts:
        with parquet.ParquetFile(part.path) as file:
            for batch in file.iter_batches(_ROWS_OF_GROUP):
                waiting.append(pa.Table.from_batches([batch]).replace_schema_metadata(None))
                if sum(len(table) for table in waiting) >= _ROWS_OF_GROUP:
                    yield pa.concat_tables(waiting).combine_chunks()
                    waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
