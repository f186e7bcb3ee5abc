"""Turns a batch of the trades' topic into columns. Plain messages are scanned, others are decoded by the codec.

Invariant: a row holds what the codec says of its message. What the scan does not recognise is decoded. A trade is then
written into its row, and its names are learnt. Any other event, and the error of a message that breaks the contract, is
kept in ``others``.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event, TickObserved
from schemas.topics import MARKET_TICK
from stream_processors.operators.protocols import HeadersOf
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.scanning import (
    EVENT_MS,
    FIRST_GROUP,
    N_NUMBERS,
    PADDING,
    TEXT,
    UNKNOWN,
    scan,
)


class TickColumns(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Messages of the trades' topic, in the order of the log.

    Attributes:
        values: The messages.
        kinds, numbers, amounts: The columns, as :func:`.scanning.scan` writes them.
        others: For each row of kind UNKNOWN its event, or the error of its message.
    """

    values: Sequence[bytes | None]
    kinds: NDArray[np.int64]
    numbers: NDArray[np.int64]
    amounts: NDArray[np.float64]
    others: dict[int, Event | ContractError]

    def event(self, i: int) -> Event | ContractError:
        """Return the event of a row, or the error of its message."""
        if self.kinds[i] == UNKNOWN:
            return self.others[i]
        event: Event = codec.decode(MARKET_TICK, self.values[i])
        return event

    def newest_watermarks(self) -> list[Event]:
        """Return the newest scanned watermark of each group."""
        at = np.flatnonzero(self.kinds <= FIRST_GROUP)
        at = at[np.argsort(self.numbers[at, EVENT_MS], kind="stable")]
        farthest = dict(zip(self.kinds[at].tolist(), at.tolist(), strict=True))
        return [event for i in farthest.values() if isinstance(event := self.event(i), Event)]


class TickScanner:
    """Turns messages into columns.

    Args:
        names: The known names, to which new ones are added.
    """

    def __init__(self, names: KnownNames) -> None:
        self._names = names

    def columns(self, values: Sequence[bytes | None], headers_of: HeadersOf) -> TickColumns:
        """Return the columns of a batch."""
        n = len(values)
        found = TickColumns(
            values=values,
            kinds=np.empty(n, dtype=np.int64),
            numbers=np.empty((n, N_NUMBERS), dtype=np.int64),
            amounts=np.empty((n, 3), dtype=np.float64),
            others={},
        )
        self._scan(found)
        for i in np.flatnonzero(found.kinds == UNKNOWN).tolist():
            self._decode(found, i, headers_of)
        return found

    def _scan(self, found: TickColumns) -> None:
        messages = [b"" if value is None else value for value in found.values]  # a tombstone becomes UNKNOWN
        text = np.frombuffer(b"".join((*messages, PADDING)), dtype=np.uint8)
        ends = np.fromiter(map(len, messages), dtype=np.int64, count=len(messages)).cumsum()
        names = self._names
        scan(
            text.ctypes.data,
            ends,
            TEXT.ctypes.data,
            names.address,
            names.prefixes,
            names.n_groups,
            names.keys,
            names.slots,
            found.kinds,
            found.numbers,
            found.amounts,
        )

    def _decode(self, found: TickColumns, i: int, headers_of: HeadersOf) -> None:
        try:
            event: Event = codec.decode(MARKET_TICK, found.values[i], headers_of(i))
        except ContractError as error:
            found.others[i] = error
            return
        key = None
        if isinstance(event, TickObserved):
            key = self._names.key_of(event.source, event.stream, event.instrument)
        if key is None or not isinstance(event, TickObserved):
            found.others[i] = event
            return
        found.kinds[i] = key
        found.numbers[i] = (event.event_time_ms, event.known_time_ms, event.trade_id, event.id_epoch)
        found.amounts[i] = (event.price, event.size, 0.0 if event.is_buyer_maker else event.size)
