"""Where the file of a day lies, how many rows it holds, and how it is written whole or not at all."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
from pyarrow import parquet

from schemas.errors import ConfigurationError
from schemas.time import text_of_time
from schemas.wire.postgres.archives import StoredColumn

#: By the name that Postgres gives a type, the type of the file.
_TYPES: Final = {
    "text": pa.string(),
    "text[]": pa.list_(pa.string()),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
}


def path_of(folder: Path, table: str, stream: str, day_ms: int) -> Path:
    """Return the file of a day of a run: ``TABLE/stream=STREAM/YYYY-MM-DD.parquet``.

    Args:
        folder: The folder of the archive.
        table: The name of the table.
        stream: The run; what a path could misread is escaped.
        day_ms: The beginning of the day.
    """
    return folder / table / f"stream={quote(stream, safe='')}" / f"{text_of_time(day_ms, 'day')}.parquet"


def n_rows_of(path: Path) -> int | None:
    """Return how many rows a file of the archive holds; None if there is none.

    Raises:
        ConfigurationError: If the file is not readable as parquet.
    """
    try:
        return int(parquet.read_metadata(path).num_rows)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowInvalid) as error:
        message = f"{path} is no readable parquet file ({error}): delete it, and export the day again"
        raise ConfigurationError(message) from error


def write(path: Path, columns: Sequence[StoredColumn], parts: Iterable[Sequence[tuple[Any, ...]]]) -> int:
    """Write rows into a file, which appears whole or not at all.

    Args:
        path: The file; one that is there is replaced.
        columns: The columns of the rows.
        parts: The rows, in parts.

    Returns:
        The number of rows; if there is none, no file is written.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in columns])
    n = 0
    try:
        with (
            _replaced(path) as temporary,
            parquet.ParquetWriter(temporary, schema, compression="zstd") as writer,
        ):
            for part in parts:
                writer.write_table(_table(part, schema))
                n += len(part)
    except OSError as error:
        message = f"{path} cannot be written: {error}"
        raise ConfigurationError(message) from error
    return n


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    return pa.table(
        [pa.array(column, type=of.type) for column, of in zip(zip(*rows, strict=True), schema, strict=True)],
        schema=schema,
    )


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """Yield a file beside the path, which takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
