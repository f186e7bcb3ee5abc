"""The forms of files of trades: how each is recognised, opened and reported on.

The launcher asks every form before anything else is loaded, so what reads whole files is imported where it is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from producers.normalise.symbols import instrument_of_symbol
from producers.normalise.trades import Market, VenueTrade
from producers.sources.files.decompressing import FileHead
from producers.sources.files.forms import FileForm, ReadRequest
from producers.sources.files.reports import Certainty, DataKind, FileReport
from producers.sources.files.trades.layouts import TableLayout, layout_of
from producers.sources.files.trades.messages import MessageReader
from producers.sources.files.trades.records import PlainText, RecordReader, TradeFile
from producers.sources.files.trades.tables import TableReader
from producers.sources.files.trades.venues import (
    NamedTrades,
    check_contracts,
    inverse_symbol,
    market_of_exchange,
    named_perpetual,
    names_of_head,
    venue_of_exchange,
)
from schemas.errors import ConfigurationError, ContractError, InvariantError
from schemas.instruments import parse_instrument

#: So many records may precede the first trade of a capture.
_TRADE_EXPECTED_WITHIN = 20_000


#: What the names of Tardis's dumps of liquidations hold, whose rows look like those of trades.
_LIQUIDATIONS = "liquidations"


class TradeForm(FileForm, Protocol):
    """A form whose files hold trades."""

    def open(self, path: Path, head: FileHead, instrument: str | None) -> TradeFile:
        """Return a file of this form, ready to be read.

        Args:
            path: Where it is.
            head: Its beginning.
            instrument: What the user says that it holds, or None.
        """


class _TradeForm(ABC):
    """What all forms of trades share.

    Args:
        name: Of the form, in reports.
        title: The form in words.
        kind: What its files hold.
    """

    def __init__(self, name: str, title: str, kind: DataKind) -> None:
        self.name = name
        self.title = title
        self.kind = kind

    @abstractmethod
    def reader_of(self, head: FileHead, instrument: str | None) -> RecordReader:
        """Return the reader of a file that begins so."""

    @abstractmethod
    def recognises(self, head: FileHead) -> Certainty | None:
        """Return how sure it is that a file has this form; see the port."""

    def open(self, path: Path, head: FileHead, instrument: str | None) -> TradeFile:
        """Return a file of this form, ready to be read; see the port."""
        return TradeFile(path, self.reader_of(head, instrument))

    def instrument_of(self, head: FileHead, path: Path) -> str | None:
        """Return the instrument of the first trade of a pair or of a perpetual; see the port.

        Raises:
            ConfigurationError: If that trade does not say whether it is of the spot market or of futures.
        """
        file = self.open(path, head, None)
        for _, reading in islice(file.trade_readings(), _TRADE_EXPECTED_WITHIN):
            for trade in reading.trades:
                found = _instrument_of_trade(trade, file.reader.venue, path.name)
                if found is not None:
                    return found
        return None

    def report(self, path: Path, head: FileHead, request: ReadRequest) -> FileReport:
        """Read the whole file and say what it holds; see the port."""
        from producers.sources.files.trades.surveys import survey_trades

        survey = survey_trades(self.open(path, head, request.instrument), request)
        return FileReport(
            form=self.name,
            title=self.title,
            kind=self.kind,
            certainty=self.recognises(head) or Certainty.GUESSED,
            instrument=survey.instrument,
            n_rows=survey.n_records,
            n_good=survey.n_good,
            rejected=survey.set_aside,
            first_ms=survey.first_ms,
            last_ms=survey.last_ms,
            warnings=survey.warnings,
        )


def _instrument_of_trade(trade: VenueTrade, venue: str, name: str) -> str | None:
    """The instrument of a trade; None if its symbol is not that of an instrument, or is not stated."""
    try:
        found = trade.instrument(venue)
        if found is None and trade.symbol and venue:
            raise ConfigurationError(market_question(name, trade.symbol, venue))
    except InvariantError:
        return None
    return None if found is None else str(found)


def market_question(name: str, symbol: str, venue: str) -> str:
    """Return the question that a file asks whose trades do not say whether they are of spot or of futures.

    Args:
        name: The file's name.
        symbol: Of its trades.
        venue: In capitals.

    Raises:
        InvariantError: If the symbol is not that of an instrument.
    """
    spot, perpetual = (
        instrument_of_symbol(symbol, venue=venue, is_perpetual=market is Market.PERPETUAL)
        for market in Market
    )
    return (
        f"{name} holds trades of {symbol} at {venue} and does not say whether they are of the spot market or of "
        f"perpetual futures: set INSTRUMENT={spot} or INSTRUMENT={perpetual}"
    )


def first_lines(head: FileHead) -> list[bytes]:
    """Return the whole lines at the beginning of a file, without empty ones and comments."""
    lines = PlainText()(head.beginning).replace(b"\0", b"").splitlines()
    if not head.is_whole and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip() and not line.startswith(b"#")]


class CaptureForm(_TradeForm):
    """Messages of one venue's WebSocket, one per line.

    Args:
        reader: Of its lines.
    """

    def __init__(self, reader: MessageReader) -> None:
        venue = reader.venue.title()
        super().__init__(
            f"{reader.venue.lower()}-capture",
            f"a recording of the messages of {venue}'s WebSocket",
            DataKind.CAPTURE,
        )
        self._reader = reader

    def recognises(self, head: FileHead) -> Certainty | None:
        """Return how sure it is that a file has this form; see the port."""
        n_trades, kinds = 0, []
        for line in first_lines(head):
            try:
                reading = self._reader.read(line)
            except ContractError:
                kinds.append("")
                continue
            if reading.kind:
                kinds.append(reading.kind)
                n_trades += len(reading.trades)
        if n_trades:
            return Certainty.CERTAIN
        n_known = sum(kind not in {"", "unnamed"} for kind in kinds)
        return Certainty.LIKELY if 2 * n_known > len(kinds) else None

    def reader_of(self, head: FileHead, instrument: str | None) -> RecordReader:  # noqa: ARG002  (of the port)
        """Return the reader of a file that begins so."""
        return self._reader


class TableForm(_TradeForm):
    """Rows of text, one trade each.

    Args:
        name: Of the form, in reports.
        title: The form in words.
        has_form: Returns how sure it is that rows of a layout are of this form, given what its name says.
    """

    def __init__(
        self, name: str, title: str, has_form: Callable[[TableLayout, NamedTrades | None], Certainty | None]
    ) -> None:
        super().__init__(name, title, DataKind.TRADES)
        self._has_form = has_form

    def recognises(self, head: FileHead) -> Certainty | None:
        """Return how sure it is that a file has this form; see the port."""
        layout = None if _LIQUIDATIONS in head.name.lower() else layout_of(first_lines(head))
        return None if layout is None else self._has_form(layout, names_of_head(head, layout))

    def reader_of(self, head: FileHead, instrument: str | None) -> RecordReader:
        """Return the reader of a file that begins so.

        Raises:
            ConfigurationError: If the rows are no longer of a known layout, or their sizes are contracts of unknown worth.
        """
        lines = first_lines(head)
        layout = layout_of(lines)
        if layout is None:
            message = f"{head.name} holds no table of trades"
            raise ConfigurationError(message)
        named = names_of_head(head, layout)
        exchange = layout.exchange or _exchange_of(layout, lines)
        if exchange is not None:
            check_contracts(head.name, venue_of_exchange(exchange), market_of_exchange(exchange))
            return TableReader(
                layout,
                venue=venue_of_exchange(exchange),
                exchange=exchange,
                market=market_of_exchange(exchange),
            )
        symbol = "" if named is None else named.symbol
        perpetual = named_perpetual(named) if instrument is None else parse_instrument(instrument)
        if perpetual is not None and perpetual.is_perpetual:
            check_contracts(head.name, perpetual.venue, Market.PERPETUAL)
        return TableReader(
            layout,
            venue="" if named is None else named.venue,
            symbol=symbol if instrument is None else "",
            contracts=symbol,
            market=None if named is None else named.market,
            inverse=None if perpetual is None else inverse_symbol(perpetual),
        )


def _exchange_of(layout: TableLayout, lines: Sequence[bytes]) -> str | None:
    """The exchange that the first row states."""
    at = layout.columns.get("exchange")
    rows: Iterator[list[bytes]] = (line.split(layout.delimiter) for line in lines[1:])
    row = next(rows, None)
    if at is None or row is None or at >= len(row):
        return None
    return row[at].strip(b' "').decode(errors="replace")
