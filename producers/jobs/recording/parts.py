"""The files of a recording: parts that appear whole or not at all, and the one file that a finished day becomes.

A part is written beside its place, brought to the disk, and renamed. So every file with the ending ``.parquet`` is
whole, whenever the process or the machine stops. ::

    STREAM/quotes/2026-11-30/1764460800123-3fa85f64-000001.parquet       a part
    STREAM/quotes/2026-11-30/1764460800123-9bc1d0aa-000001-day.parquet   the parts of a day as one file

The file of a day names the parts that it replaces. They are deleted after it has appeared, so that after a crash between
the two they still lie there; whoever reads a day leaves out what another file replaces. So each row counts once.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
from pyarrow import parquet

from producers.jobs.recording.arrays import UnfitError, array_of
from producers.jobs.recording.folders import PartFacts
from producers.jobs.recording.kinds import COLUMNS, RecordedKind, Row
from schemas.errors import StateError

_ENDING = ".parquet"
_FACTS = b"driftline.recording"
#: So often a folder is read whose files vanish meanwhile.
_MOST_READINGS = 20
_Read = TypeVar("_Read")
_TYPES: Final = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
}


class Part(msgspec.Struct, frozen=True):
    """A file of a recording, as far as its footer tells."""

    path: Path
    facts: PartFacts
    n_rows: int
    n_bytes: int


def schema_of(kind: RecordedKind) -> pa.Schema:
    """Return the schema of the files of a kind."""
    return pa.schema([(name, _TYPES[of]) for name, of in COLUMNS[kind].items()])


def write_part(folder: Path, table: pa.Table, facts: PartFacts, *, session: str, number: int) -> Path:
    """Write a part, which appears whole or not at all.

    Args:
        folder: Of the day.
        table: Its rows, at least one, in the order in which they were received.
        facts: What the part says about itself.
        session: Names the recorder; no other one has it, nor had it ever.
        number: Of the part in the session.

    Raises:
        OSError: If it cannot be written; then it is not there.
    """
    first_ms = table["received_ms"][0].as_py()
    path = folder / f"{first_ms:013d}-{session}-{number:06d}{_ENDING}"
    write_whole(path, [table], table.schema, facts)
    return path


def table_of(kind: RecordedKind, rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table. A row is left out if the venue stated a number that fits no column."""
    try:
        return _table(kind, rows)
    except UnfitError:
        return _table(kind, [row for row in rows if _is_fit(kind, row)])


def _is_fit(kind: RecordedKind, row: Row) -> bool:
    try:
        _table(kind, [row])
    except UnfitError:
        return False
    return True


def _table(kind: RecordedKind, rows: Sequence[Row]) -> pa.Table:
    schema = schema_of(kind)
    if not rows:
        return schema.empty_table()
    columns = zip(zip(*rows, strict=True), COLUMNS[kind].values(), strict=True)
    return pa.Table.from_arrays([array_of(values, of) for values, of in columns], schema=schema)


def write_whole(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, facts: PartFacts) -> None:
    """Write a file of some tables, which appears whole or not at all.

    Args:
        path: The file.
        tables: Its rows.
        schema: Of all tables.
        facts: What the file says about itself.

    Raises:
        OSError: If it cannot be written; then it is not there.
    """
    stated = schema.with_metadata({_FACTS: msgspec.json.encode(facts)})
    with (
        _appearing(path) as temporary,
        parquet.ParquetWriter(temporary, stated, **_encodings(schema)) as writer,
    ):
        for table in tables:
            writer.write_table(table.cast(stated))
    pa.default_memory_pool().release_unused()  # it would keep 20 MB until the next part


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """How columns are written: times and ids grow, so that their differences are small; all else repeats often."""
    growing = [field.name for field in schema if field.name.endswith(("_ms", "_id"))]
    return {
        "compression": "zstd",
        "compression_level": 6,
        "use_dictionary": [field.name for field in schema if field.name not in growing],
        "column_encoding": dict.fromkeys(growing, "DELTA_BINARY_PACKED"),
        "write_statistics": growing,
    }


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Yield a file beside the path, which takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.rename(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _bring_to_disk(path.parent)


def _bring_to_disk(folder: Path) -> None:
    """Bring the names of a folder to the disk; the files are there already, so that a failure costs nothing now."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def parts_of(folder: Path) -> list[Part]:
    """Return the files of a day that count, in the order of their first rows.

    Raises:
        StateError: If a file is not readable.
    """
    return _while_merged(lambda: _parts_of(folder))


def _parts_of(folder: Path) -> list[Part]:
    found = [part_at(path) for path in sorted(folder.glob(f"[0-9]*{_ENDING}"))]
    replaced = {name for part in found for name in part.facts.replaces}
    return [part for part in found if part.path.name not in replaced]


def _while_merged(read: Callable[[], _Read]) -> _Read:
    """Read again if a file vanished, because it has become a part of the file of the day meanwhile."""
    for _ in range(_MOST_READINGS):
        with suppress(FileNotFoundError):
            return read()
    return read()


def part_at(path: Path) -> Part:
    """Return a file by its path.

    Raises:
        FileNotFoundError: If it is not there.
        StateError: If it is not readable.
    """
    try:
        metadata = parquet.read_metadata(path)
        n_bytes = path.stat().st_size
        facts = msgspec.json.decode(metadata.metadata[_FACTS], type=PartFacts)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid, TypeError, KeyError, msgspec.MsgspecError) as error:
        message = f"{path} is no readable file of a recording ({error}): move it away"
        raise StateError(message) from error
    return Part(path, facts, metadata.num_rows, n_bytes)


def rows_of_day(folder: Path, kind: RecordedKind) -> pa.Table:
    """Return the rows of a day, each once, part by part in the order in which they were received.

    Args:
        folder: Of the day.
        kind: Of its rows.

    Raises:
        StateError: If a file is not readable.
    """

    def read() -> pa.Table:
        tables = [parquet.read_table(part.path).replace_schema_metadata(None) for part in _parts_of(folder)]
        return pa.concat_tables([schema_of(kind).empty_table(), *tables])

    return _while_merged(read)


def newest_rows(
    folder: Path, instruments: Collection[str], columns: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    """Return the last row of each instrument of a day, looking from the end.

    Args:
        folder: Of the day.
        instruments: Those that are wanted.
        columns: The values that are returned of a row.

    Raises:
        StateError: If a file is not readable.
    """
    return _while_merged(lambda: _newest_rows(folder, instruments, columns))


def _newest_rows(
    folder: Path, instruments: Collection[str], columns: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for group in _groups_from_the_end(folder, ["instrument", *columns]):
        for instrument, *values in zip(*(column.to_pylist()[::-1] for column in group.columns), strict=True):
            if instrument in instruments:
                found.setdefault(instrument, tuple(values))
        if len(found) == len(instruments):
            break
    return found


def _groups_from_the_end(folder: Path, columns: list[str]) -> Iterator[pa.Table]:
    for part in reversed(_parts_of(folder)):
        with parquet.ParquetFile(part.path) as file:
            for number in reversed(range(file.num_row_groups)):
                yield file.read_row_group(number, columns=columns)
