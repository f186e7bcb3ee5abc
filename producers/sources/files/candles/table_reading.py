"""Reads the columns of a file of candles, whatever it is written as."""

from pathlib import Path

from producers.sources.files.candles.binary_tables import binary_table
from producers.sources.files.candles.layouts import Layout
from producers.sources.files.candles.raw_tables import UNREADABLE, RawTable, printable
from producers.sources.files.candles.text_tables import text_table
from schemas.errors import ConfigurationError


def raw_table(path: Path, layout: Layout) -> RawTable:
    """Read the columns of a file.

    Args:
        path: The file.
        layout: How its table is written.

    Raises:
        ConfigurationError: If it cannot be read, or has not the columns of candles.
    """
    try:
        match layout.container:
            case "parquet" | "feather":
                return binary_table(path, layout.container)
            case _:
                return text_table(path, layout)
    except UNREADABLE as error:
        message = f"{path.name} seems to be a {layout.container} file and cannot be read as one: {printable(str(error))}"
        raise ConfigurationError(message) from error
