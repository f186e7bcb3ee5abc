"""Recognises the kind and the instrument of a data file by its name and its first lines.

It imports little, because the launcher calls it before anything else is loaded.
"""

import gzip
import hashlib
import re
import zlib
from enum import StrEnum
from itertools import islice
from pathlib import Path

from producers.normalise.binance import (
    TRADE,
    instrument_of_symbol,
    instrument_of_trade,
    message_kind,
    read_trade,
)
from schemas.errors import ConfigurationError, ContractError

_NAME = re.compile(
    r"^(?P<symbol>[a-z0-9]+)_(?P<venue>binance|simulated)_(?P<market>spot|perp|usdm|futures)(_|\.|$)"
)
_PERPETUAL = {"perp", "usdm", "futures"}
_TRADE_EXPECTED_WITHIN = 20_000


class FileKind(StrEnum):
    """The format of a data file."""

    PARQUET = "parquet"
    CSV = "csv"
    CAPTURE = "capture"

    @property
    def is_candles(self) -> bool:
        """Whether the file is a table of candles."""
        return self is not FileKind.CAPTURE


def file_kind(path: Path) -> FileKind:
    """Return the format of a file by the ending of its name.

    Raises:
        ConfigurationError: If the ending is unknown.
    """
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return FileKind.PARQUET
    if name.endswith((".csv", ".csv.gz")):
        return FileKind.CSV
    if name.endswith(".gz"):
        return FileKind.CAPTURE
    message = f"a data file must end in .parquet, .csv, .csv.gz or (a WebSocket capture) .gz, was {path.name}"
    raise ConfigurationError(message)


def instrument_of_name(path: Path) -> str | None:
    """Return the instrument that the name of a file states, or None.

    Example:
        >>> instrument_of_name(Path("btcusdt_binance_perp_1h.parquet"))
        'BTC-USDT-PERP.BINANCE'
    """
    match = _NAME.match(path.name.lower())
    if match is None:
        return None
    try:
        return str(
            instrument_of_symbol(
                match["symbol"], venue=match["venue"].upper(), is_perpetual=match["market"] in _PERPETUAL
            )
        )
    except ContractError:
        return None


def instrument_of_file(path: Path) -> str:
    """Return the instrument of a data file: from the name of a candle file, from the first trade of a capture.

    Raises:
        ConfigurationError: If neither states an instrument.
    """
    found = instrument_of_name(path) if file_kind(path).is_candles else instrument_of_capture(path)
    if found is None:
        message = (
            f"cannot tell the instrument of {path.name}: name it like btcusdt_binance_spot_1m.parquet, "
            "or set DRIFTLINE_INSTRUMENT=BTC-USDT.BINANCE"
        )
        raise ConfigurationError(message)
    return found


def instrument_of_capture(path: Path) -> str | None:
    """Return the instrument of the first trade of a capture, or None if no trade is near its beginning."""
    try:
        with gzip.open(path, "rb") as lines:
            for line in islice(lines, _TRADE_EXPECTED_WITHIN):
                found = _instrument_of_line(line)
                if found is not None:
                    return found
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path.name} is not a readable gzip capture: {error}"
        raise ConfigurationError(message) from error
    return None


def _instrument_of_line(line: bytes) -> str | None:
    try:
        kind, body = message_kind(line.partition(b" ")[2])
        return instrument_of_trade(read_trade(body)) if kind == TRADE else None
    except ContractError:
        return None


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file, in hexadecimal.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from error
