"""When the articles of a file came out: its column ``timestamp`` alone, out of CSV or parquet, compressed or not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from producers.sources.files.candles.instants import times_of
from producers.sources.files.candles.raw_tables import plain_column, printable
from producers.sources.files.decompressing import head_of, undamaged_content
from schemas.errors import ConfigurationError

_COLUMN = "timestamp"
_MOST_LISTED = 20


def article_form(*, is_parquet: bool) -> str:
    """Return the form in which a file of articles is read, in words."""
    return "parquet" if is_parquet else "CSV in UTF-8, with commas between the columns of every row"


def article_times(path: Path) -> NDArray[np.int64]:
    """Return the times of a file of articles, in its order; missing ones are far in the past.

    Raises:
        ConfigurationError: If the file cannot be read, or has no column of times called ``timestamp``.
    """
    is_parquet = head_of(path).beginning.startswith(b"PAR1")
    try:
        content = undamaged_content(path)
        table = _parquet_column(content) if is_parquet else _csv_column(content)
        if table is not None:
            return times_of(plain_column(table, 0, path))
    except (pa.ArrowException, UnicodeError, OSError) as error:
        message = (
            f"{path.name} cannot be read as {article_form(is_parquet=is_parquet)}: {printable(str(error))}"
        )
        raise ConfigurationError(message) from error
    except TypeError as error:
        message = f"{_COLUMN} in {path.name} must be a time, ISO text or whole milliseconds, was {error}"
        raise ConfigurationError(message) from error
    message = f"{path.name} must have one column {_COLUMN} among its first line's names"
    raise ConfigurationError(message)


def _parquet_column(content: bytes) -> pa.Table | None:
    source = parquet.ParquetFile(pa.BufferReader(content))
    same = [name for name in source.schema_arrow.names if name.lower() == _COLUMN]
    return source.read(columns=[_COLUMN]) if same == [_COLUMN] else None


def _csv_column(content: bytes) -> pa.Table | None:
    # Summaries hold commas and ends of lines inside quotes.
    lines = csv.ParseOptions(newlines_in_values=True)
    names = csv.open_csv(pa.BufferReader(content), parse_options=lines).schema.names
    if [name for name in names if name.lower() == _COLUMN] != [_COLUMN]:
        return None
    cells = csv.ConvertOptions(column_types={_COLUMN: pa.string()}, include_columns=[_COLUMN])
    return csv.read_csv(pa.BufferReader(content), parse_options=lines, convert_options=cells)
