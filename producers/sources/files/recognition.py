"""Recognises the kind and the instrument of a data file by its name and its first lines.

It imports little, because the launcher calls it before anything else is loaded.
"""

import hashlib
import re
from enum import StrEnum
from pathlib import Path

from producers.normalise.symbols import instrument_of_symbol
from producers.sources.files.decompressing import head_of
from producers.sources.files.trades.opening import trade_form_of
from schemas.errors import ConfigurationError, ContractError

_NAME = re.compile(
    r"^(?P<symbol>[a-z0-9]+)_(?P<venue>binance|simulated)_(?P<market>spot|perp|usdm|futures)(_|\.|$)"
)
_PERPETUAL = {"perp", "usdm", "futures"}


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
    """Return the instrument of the first trade of a file of trades, or None if it does not say."""
    head = head_of(path)
    form = trade_form_of(head)
    return None if form is None else form.instrument_of(head, path)


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
