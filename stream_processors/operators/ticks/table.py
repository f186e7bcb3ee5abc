"""The tick state of every instrument of a partition, one row each: the only place where it is kept.

The compiled fold adds trades to the rows. For everything that needs a decision, the state of a row is
read out as a :class:`~stream_processors.operators.bars.BarBuilder`, stepped, and written back::

    trades that belong to open bars    fold   ->  rows
    a trade or watermark that closes   read  row -> BarBuilder -> on_tick ... -> write  row

A builder that was read is valid until its row is folded or written; nobody keeps it for longer.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from schemas.time import Interval
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.open_bars import OpenBar
from stream_processors.operators.repeats import LONG_RUN
from stream_processors.operators.ticks import folding as at
from stream_processors.operators.ticks.columns import TickColumns
from stream_processors.operators.ticks.folding import NEVER_MS, due_rows, fold, outlook_of
from stream_processors.operators.ticks.names import KnownNames, doubled

_INTERVALS = {interval.milliseconds: interval for interval in Interval}
_NO_BAR = (0,) * (at.N_WHOLES - at.N_TRADES)
_NO_PRICES = (0.0,) * (at.N_REALS - at.OPEN)


class GroupOutlook(NamedTuple):
    """What comes next for the rows of a group, :data:`NEVER_MS` where nothing does.

    Attributes:
        shortest_ms: The length of their shortest bar.
        earliest_end_ms: When the first of their open bars ends.
    """

    shortest_ms: int
    earliest_end_ms: int


class TickTable:
    """The tick state of several instruments as arrays.

    Args:
        names: The sources, streams and keys that are known; the table reads them and adds the sources of
            the builders that it is given.

    Attributes:
        acts_from: Shape (groups,): from which watermark of a group on a decision is needed.
        epochs: Shape (groups,): of the session of a group; a watermark of another session needs a decision.
    """

    def __init__(self, names: KnownNames) -> None:
        self._names = names
        self._instruments: list[str] = []
        self._links = np.full((16, 3), -1, dtype=np.int64)
        self._wholes = np.zeros((16, at.N_WHOLES), dtype=np.int64)
        self._reals = np.zeros((16, at.N_REALS), dtype=np.float64)
        #: By row, the open bars that start later than its next bar: only while trades run ahead of it.
        self._later: dict[int, dict[int, OpenBar]] = {}
        self.acts_from = np.full(16, -NEVER_MS, dtype=np.int64)
        self.epochs = np.zeros(16, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._instruments)

    # States

    def add(self, builder: BarBuilder) -> int:
        """Keep the state of another instrument, whose builder is used up; returns its row, which counts as unchanged."""
        row = len(self._instruments)
        self._instruments.append(builder.instrument)
        if row == len(self._wholes):
            self._wholes, self._reals = doubled(self._wholes), doubled(self._reals)
        self._set(row, builder, is_changed=False)
        return row

    def read(self, row: int) -> BarBuilder:
        """The state of a row as a builder of its own."""
        whole, real = self._wholes[row].tolist(), self._reals[row].tolist()
        source, stream = self._names.group(whole[at.OF_GROUP])
        close = real[at.PREVIOUS_CLOSE]
        is_open = bool(whole[at.IS_OPEN])
        builder = BarBuilder(
            stream=stream,
            instrument=self._instruments[row],
            source=source,
            interval=_INTERVALS[whole[at.LENGTH]],
            next_start_ms=whole[at.NEXT_START] if is_open else None,
            joined_ms=whole[at.JOINED],
            closed_until_ms=whole[at.CLOSED_UNTIL],
            previous_close=None if math.isnan(close) else close,
            last_id_epoch=whole[at.LAST_EPOCH],
            last_trade_id=whole[at.LAST_ID],
            n_late=whole[at.N_LATE],
            n_repeated=whole[at.N_REPEATED],
            n_unbounded=whole[at.N_UNBOUNDED],
            n_in_run=whole[at.N_IN_RUN],
        )
        if whole[at.N_TRADES]:
            builder.open_bars[whole[at.NEXT_START]] = _open_bar(whole, real)
        if row in self._later:
            builder.open_bars.update(self._later[row])
        return builder

    def write(self, row: int, builder: BarBuilder) -> None:
        """Replace the state of a row, and count it as changed; the builder is used up."""
        self._set(row, builder, is_changed=True)

    def _set(self, row: int, builder: BarBuilder, *, is_changed: bool) -> None:
        next_start_ms, close, bars = builder.next_start_ms, builder.previous_close, builder.open_bars
        bar = None if next_start_ms is None else bars.pop(next_start_ms, None)
        self._wholes[row] = (
            next_start_ms is not None,
            is_changed,
            self._names.group_of(builder.source, builder.stream),
            builder.interval.milliseconds,
            next_start_ms or 0,
            builder.joined_ms,
            builder.closed_until_ms,
            builder.last_id_epoch,
            builder.last_trade_id,
            builder.n_late,
            builder.n_repeated,
            builder.n_unbounded,
            builder.n_in_run,
            *(_NO_BAR if bar is None else (bar.n_trades, *bar.first, *bar.last, bar.known_ms)),
        )
        self._reals[row] = (
            math.nan if close is None else close,
            *(
                _NO_PRICES
                if bar is None
                else (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.buy_volume)
            ),
        )
        if bars:
            self._later[row] = bars
        else:
            self._later.pop(row, None)

    def interval(self, row: int) -> Interval:
        """The interval of the bars that a row's trades or candles make."""
        return _INTERVALS[int(self._wholes[row, at.LENGTH])]

    # What is asked of many rows

    def due(self, group: int, watermark_ms: int) -> list[int]:
        """The rows of a group whose bar ends by a watermark."""
        rows: list[int] = due_rows(self._wholes, len(self), group, watermark_ms).tolist()
        return rows

    def outlook(self, group: int) -> GroupOutlook:
        """What comes next for the rows of a group."""
        return GroupOutlook(*outlook_of(self._wholes, len(self), group))

    def begun(self, group: int) -> list[int]:
        """The rows of a group that have an open bar."""
        wholes = self._wholes[: len(self)]
        is_begun = (wholes[:, at.OF_GROUP] == group) & (wholes[:, at.IS_OPEN] == 1)
        rows: list[int] = np.flatnonzero(is_begun).tolist()
        return rows

    def take_changed(self) -> list[int]:
        """The rows that changed since this was last asked; then none has."""
        is_changed = self._wholes[: len(self), at.IS_CHANGED]
        rows: list[int] = np.flatnonzero(is_changed).tolist()
        is_changed[:] = 0
        return rows

    def only(self, rows: Iterator[int], names: KnownNames) -> "TickTable":
        """A table of its own with the states of some rows, and what of them changed."""
        table = TickTable(names)
        for row in rows:
            added = table.add(self.read(row))
            table._wholes[added, at.IS_CHANGED] = self._wholes[row, at.IS_CHANGED]
        return table

    # Folding

    def link(self, key: int, row: int, *, group: int, allowed_lateness_ms: int) -> None:
        """Let the trades of a key be folded.

        Args:
            key: Of the known names.
            row: Where its trades are added.
            group: The key's source and stream; trades are folded while the row belongs to them.
            allowed_lateness_ms: Of the key's source.
        """
        self._make_room(key + 1, 0)
        self._links[key] = (row, group, allowed_lateness_ms)

    def act_from(self, group: int, watermark_ms: int, *, epoch: int) -> None:
        """Set which watermarks of a group need a decision.

        Args:
            group: A source in a stream.
            watermark_ms: Those at or after it do.
            epoch: Those of any other session of the source do, too.
        """
        self._make_room(0, group + 1)
        self.acts_from[group], self.epochs[group] = watermark_ms, epoch

    def _make_room(self, n_keys: int, n_groups: int) -> None:
        while n_keys > len(self._links):
            self._links = doubled(self._links, -1)
        while n_groups > len(self.acts_from):
            self.acts_from = doubled(self.acts_from, -NEVER_MS)
            self.epochs = doubled(self.epochs, 0)

    def fold(self, columns: TickColumns, first: int) -> int:
        """Fold messages from ``first`` on; returns the number of the first that needs a decision, or of all."""
        self._make_room(self._names.n_keys, self._names.n_groups)
        stopped: int = fold(
            first,
            columns.kinds,
            columns.numbers,
            columns.amounts,
            self._links,
            self._wholes,
            self._reals,
            self.acts_from,
            self.epochs,
            LONG_RUN,
        )
        return stopped


def _open_bar(whole: list[int], real: list[float]) -> OpenBar:
    return OpenBar(
        start_ms=whole[at.NEXT_START],
        first=(whole[at.FIRST_MS], whole[at.FIRST_TRADE_EPOCH], whole[at.FIRST_TRADE]),
        last=(whole[at.LAST_MS], whole[at.LAST_TRADE_EPOCH], whole[at.LAST_TRADE]),
        open=real[at.OPEN],
        high=real[at.HIGH],
        low=real[at.LOW],
        close=real[at.CLOSE],
        volume=real[at.VOLUME],
        buy_volume=real[at.BUY_VOLUME],
        n_trades=whole[at.N_TRADES],
        known_ms=whole[at.KNOWN],
    )
