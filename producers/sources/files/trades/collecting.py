"""The first pass over a file of trades: everything that the judgement of its clock and of its rows needs."""

from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from producers.normalise.trades import TradeKind, VenueTrade
from producers.sources.files.trades.columns import GroupKey, TradeColumns
from producers.sources.files.trades.forms import market_question
from producers.sources.files.trades.records import BadLine, TradeFile
from schemas.errors import ConfigurationError, InvariantError
from schemas.instruments import Instrument, parse_instrument

#: So many unreadable lines are kept to be shown; the others are counted.
MOST_KEPT = 1_000
#: So many bytes of each of them are kept.
MOST_BYTES_KEPT = 1 << 16


class CollectedFile:
    """What a file holds.

    Attributes:
        venue: In capitals.
        n_records: The lines that are records, readable or not.
        n_bad: How many could not be read.
        n_unstamped: How many do not state the recorder's time.
        kinds: How many records of each kind were read.
        bad_lines: The first lines that could not be read.
        groups: The trades, by what they have in common, in the order of their first.
        fault: Why the file ended before its end, or None.
    """

    def __init__(self, file: TradeFile) -> None:
        self.venue = file.reader.venue
        self.n_bad = self.n_unstamped = 0
        self.kinds: Counter[str] = Counter()
        self.bad_lines: list[BadLine] = []
        self.groups: dict[GroupKey, TradeColumns] = {}
        self._stamps, self._stamp_rows = array("q"), array("q")
        self._read(file)
        self.fault = file.fault

    def _read(self, file: TradeFile) -> None:
        kinds, stamps, stamp_rows = self.kinds, self._stamps, self._stamp_rows
        columns: TradeColumns | None = None
        for row, reading in file.readings(self._add_bad):
            local_ms = reading.local_ms
            kinds[reading.kind] += 1
            if local_ms is None:
                self.n_unstamped += 1
            else:
                stamps.append(local_ms)
                stamp_rows.append(row)
            for trade in reading.trades:
                if columns is None or not trade.is_like(columns.example):
                    columns = self._columns_of(trade)
                columns.add(row, local_ms, trade)

    def _columns_of(self, trade: VenueTrade) -> TradeColumns:
        key = GroupKey(trade.symbol, trade.market, trade.kind)
        if key not in self.groups:
            self.groups[key] = TradeColumns(trade)
        return self.groups[key]

    def _add_bad(self, line: BadLine) -> None:
        self.n_bad += 1
        if len(self.bad_lines) < MOST_KEPT:
            self.bad_lines.append(line._replace(line=line.line[:MOST_BYTES_KEPT]))

    @property
    def n_records(self) -> int:
        """How many lines are records, readable or not."""
        return self.n_bad + self.kinds.total()

    @property
    def n_trades(self) -> int:
        """How many trades of the market were read, of every instrument and kind."""
        return sum(map(len, self.groups.values()))

    @property
    def is_stamped(self) -> bool:
        """Whether the lines state the recorder's time: at least half of them do."""
        return len(self._stamps) >= max(1, self.n_unstamped)

    @property
    def stamps_ms(self) -> NDArray[np.int64]:
        """The local times, in the order of the file, shape (m,)."""
        return np.frombuffer(self._stamps, dtype=np.int64)

    @property
    def stamp_rows(self) -> NDArray[np.int64]:
        """The numbers of the lines that state a local time, shape (m,)."""
        return np.frombuffer(self._stamp_rows, dtype=np.int64)

    def instruments(self, like: Instrument | None = None) -> dict[GroupKey, Instrument | None]:
        """Return the instrument of each group; None where the file does not say all of it.

        Groups whose symbol is not that of an instrument are left out.

        Args:
            like: What the user says that the file holds.
        """
        found: dict[GroupKey, Instrument | None] = {}
        for key, columns in self.groups.items():
            try:
                found[key] = columns.example.instrument(self.venue, like=like)
            except InvariantError:
                continue
        return found


def chosen_instrument(collected: CollectedFile, name: str, stated: str | None) -> Instrument:
    """Return the instrument whose trades are used: the stated one, or that of the first trade.

    Args:
        collected: What the file holds.
        name: The file's name, for the error.
        stated: What the user says, or None.

    Raises:
        ConfigurationError: If the file holds no trade of it, or does not say whether its trades are of futures.
    """
    like = None if stated is None else parse_instrument(stated)
    found = collected.instruments(like)
    if like is not None and like in found.values():
        return like
    if like is not None:
        held = ", ".join(dict.fromkeys(str(each) for each in collected.instruments().values() if each))
        message = f"{name} holds no trade of {like}" + (
            f": it holds {held}" if held else _held_symbols(collected)
        )
        raise ConfigurationError(message)
    for key, instrument in found.items():
        if instrument is None:
            raise ConfigurationError(_question(collected, key, name))
        return instrument
    message = f"{name} holds no trade of a pair or of perpetual futures" + _held_symbols(collected)
    raise ConfigurationError(message)


def _question(collected: CollectedFile, key: GroupKey, name: str) -> str:
    if not key.symbol or not collected.venue:
        return f"{name} holds trades and does not say of which instrument: set INSTRUMENT=, such as BTC-USDT.BINANCE"
    return market_question(name, key.symbol, collected.venue)


def _held_symbols(collected: CollectedFile) -> str:
    symbols = ", ".join(dict.fromkeys(key.symbol for key in collected.groups))
    return f": it holds {symbols[:200]}" if symbols else ""


def wanted_groups(collected: CollectedFile, instrument: Instrument) -> list[TradeColumns]:
    """Return the groups of an instrument: of single trades, or of aggregates where there are no single ones.

    Args:
        collected: What the file holds.
        instrument: The chosen one.
    """
    found = collected.instruments(instrument)
    keys = [key for key, each in found.items() if each == instrument]
    kinds = {key.kind for key in keys}
    kind = TradeKind.SINGLE if TradeKind.SINGLE in kinds else TradeKind.AGGREGATE
    return [collected.groups[key] for key in keys if key.kind is kind]


def instruments_beside(collected: CollectedFile, instrument: Instrument) -> Iterable[tuple[str, int]]:
    """Return the names of the other instruments of a file, or their symbols, and how many trades each has.

    Args:
        collected: What the file holds.
        instrument: The chosen one.
    """
    counts: Counter[str] = Counter()
    found = collected.instruments(instrument)
    for key, columns in collected.groups.items():
        each = found.get(key)
        if each != instrument:
            counts[key.symbol if each is None else str(each)] += len(columns)
    return counts.most_common()
