"""Reads the columns of candles in parquet and feather."""

from pathlib import Path

import pyarrow as pa
from pyarrow import feather, parquet

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import Headings, headings_of
from producers.sources.files.candles.raw_tables import UNREADABLE, RawTable, check_headings, raw_table_of
from producers.sources.files.decompressing import opened, whole_of

_FEATHER = b"ARROW1"
_PARQUET = b"PAR1"
#: Under this name ``driftline convert`` states the instrument in the parquet that it writes.
INSTRUMENT_METADATA = b"driftline.instrument"


def binary_table(path: Path, container: str) -> RawTable:
    """Return the columns of a parquet or a feather file.

    Raises:
        ConfigurationError: If it has not the columns of candles.
    """
    with _source_of(path) as file:
        source = parquet.ParquetFile(file) if container == "parquet" else feather.read_table(file)
        schema = source.schema_arrow if container == "parquet" else source.schema
        headings = _headings_of_types(schema)
        check_headings(headings, schema.names, path)
        table = source.read(columns=_selected(schema, headings)) if container == "parquet" else source
    if len(table.column_names) != len(schema.names):
        headings = _headings_of_types(table.schema)
    metadata = schema.metadata or {}
    return raw_table_of(
        table, headings, path, instrument=metadata.get(INSTRUMENT_METADATA, b"").decode() or None
    )


def instrument_in_parquet(path: Path) -> str | None:
    """Return the instrument that ``driftline convert`` wrote into a parquet file, or None."""
    try:
        with _source_of(path) as file:
            metadata = parquet.read_schema(file).metadata or {}
    except UNREADABLE:
        return None
    return metadata.get(INSTRUMENT_METADATA, b"").decode() or None


def _source_of(path: Path) -> pa.NativeFile:
    """The bytes of a file, without an object of Python that a thread of pyarrow could hold when the process ends."""
    with path.open("rb") as plain:
        is_plain = plain.read(6).startswith((_PARQUET, _FEATHER))
    if is_plain:
        return pa.memory_map(str(path))
    with opened(path) as file:
        return pa.BufferReader(whole_of(file, path.name))


def _selected(schema: pa.Schema, headings: Headings) -> list[str] | None:
    """The names of the columns that are needed; None if two columns share a name, which would select both."""
    names = [schema.names[position] for position in sorted(headings.positions.values())]
    names += [name for same in headings.doubled.values() for name in same if name not in names]
    return names if len(set(schema.names)) == len(schema.names) else None


def _headings_of_types(schema: pa.Schema) -> Headings:
    """What the columns mean; the one column of times is the time, whatever it is called."""
    headings = headings_of(schema.names)
    if "timestamp" not in headings.missing:
        return headings
    times = [i for i, kind in enumerate(schema.types) if pa.types.is_timestamp(kind)]
    if len(times) != 1:
        return headings
    return Headings({**headings.positions, Role.OPEN_TIME: times[0]}, headings.doubled)
