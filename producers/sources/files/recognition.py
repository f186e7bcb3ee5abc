"""Recognises what a data file is, by its content.

It imports little, because the launcher calls it before anything else is loaded.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from producers.sources.files.candles.candle_forms import CANDLE_FORMS
from producers.sources.files.candles.candle_instruments import instrument_of_own_name
from producers.sources.files.capture_forms import CAPTURE_FORMS
from producers.sources.files.decompressing import FileHead, head_of
from producers.sources.files.forms import FileForm
from producers.sources.files.refusals import not_recognised
from producers.sources.files.reports import Certainty, DataKind
from producers.sources.files.trade_forms import TRADE_FORMS
from schemas.errors import ConfigurationError

#: Of several forms that are equally sure, the first is taken.
FORMS: tuple[FileForm, ...] = (*CAPTURE_FORMS, *TRADE_FORMS, *CANDLE_FORMS)
_SUREST_FIRST = tuple(Certainty)


class Recognised(NamedTuple):
    """The form of a file, and the file's first bytes."""

    form: FileForm
    head: FileHead
    certainty: Certainty


def recognise(path: Path) -> Recognised:
    """Return the form that a file most surely has.

    Raises:
        ConfigurationError: If the file cannot be opened, or has no known form: one sentence says what it seems to be.
    """
    head = head_of(path)
    claims = [(form, certainty) for form in FORMS if (certainty := form.recognises(head)) is not None]
    if not claims:
        raise ConfigurationError(not_recognised(head))
    form, certainty = min(claims, key=lambda claim: _SUREST_FIRST.index(claim[1]))
    return Recognised(form, head, certainty)


def file_kind(path: Path) -> DataKind:
    """Return what a file holds, by its content.

    Raises:
        ConfigurationError: If it has no known form.
    """
    return recognise(path).form.kind


def instrument_of_name(path: Path) -> str | None:
    """Return the instrument that the name of a file states, or None.

    Example:
        >>> instrument_of_name(Path("btcusdt_binance_perp_1h.parquet"))
        'BTC-USDT-PERP.BINANCE'
    """
    return instrument_of_own_name(path.name)


def stated_instrument(path: Path) -> str | None:
    """Return the instrument that a data file states by its name or its content, or None.

    Raises:
        ConfigurationError: If the file has no known form.
    """
    found = recognise(path)
    return found.form.instrument_of(found.head, path)


def instrument_of_file(path: Path) -> str:
    """Return the instrument that a data file states by its name or its content.

    Raises:
        ConfigurationError: If neither states an instrument.
    """
    instrument = stated_instrument(path)
    if instrument is None:
        message = (
            f"cannot tell the instrument of {path.name}: name the file like btcusdt_binance_spot_1m.parquet, "
            "or set DRIFTLINE_INSTRUMENT=BTC-USDT.BINANCE (INSTRUMENT= of make demo)"
        )
        raise ConfigurationError(message)
    return instrument


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
