"""Opens a file of trades: finds which form it has among those of captures and of dumps."""

from pathlib import Path

from producers.sources.files.capture_forms import CAPTURE_FORMS
from producers.sources.files.decompressing import FileHead, head_of
from producers.sources.files.reports import Certainty
from producers.sources.files.trade_forms import TRADE_FORMS
from producers.sources.files.trades.forms import TradeForm
from producers.sources.files.trades.records import TradeFile
from schemas.errors import ConfigurationError

_SUREST_FIRST = tuple(Certainty)


def trade_form_of(head: FileHead) -> TradeForm | None:
    """Return the form of a file of trades that begins so, or None if it is no such file."""
    found = [(form.recognises(head), form) for form in (*CAPTURE_FORMS, *TRADE_FORMS)]
    known = [(_SUREST_FIRST.index(certainty), form) for certainty, form in found if certainty is not None]
    return min(known, key=lambda each: each[0])[1] if known else None


def open_trades(path: Path, *, instrument: str | None) -> TradeFile:
    """Return a file of trades, ready to be read.

    Args:
        path: Where it is.
        instrument: What the user says that it holds, or None.

    Raises:
        ConfigurationError: If it is no file of trades.
    """
    head = head_of(path)
    form = trade_form_of(head)
    if form is None:
        message = f"{path.name} holds neither messages of a venue that is known nor a table of trades"
        raise ConfigurationError(message)
    return form.open(path, head, instrument)
