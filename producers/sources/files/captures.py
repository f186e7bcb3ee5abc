"""Captures of Binance's WebSocket: gzip, one line = the recorder's nanoseconds, a space, the JSON.

Trades become ticks. Every other message counts for the recorder's clock: a second in which any
message came is a recorded second, and a long stretch without one is a silence of the source.

The venue's clock and the recorder's differ by a skew that is estimated here. In the recordings
seen every venue time lies some 1.27 s *after* the local one, and up to 54 ms less than that.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from producers.normalise.binance import (
    SOURCE,
    TRADE,
    TradeMessage,
    instrument_of_trade,
    message_kind,
    read_trade,
    tick_of_trade,
)
from schemas.errors import ConfigurationError, ContractError, DecodeError
from schemas.events import TickObserved
from schemas.streams import Silence
from schemas.time import Interval, bar_start_ms

#: Depth differences come every 100 ms: 10 s without any message is an outage of the recorder.
LONGEST_PAUSE_MS = 10_000
_NS_PER_MS = 1_000_000


class ClockSkew(NamedTuple):
    """How a venue's clock stands to the recorder's.

    Attributes:
        skew_ms: The median of event time minus known time.
        lateness_ms: How far a trade may lie below that: the largest such distance seen.
    """

    skew_ms: int
    lateness_ms: int

    @property
    def lead_ms(self) -> int:
        """The least by which an event time is ahead of its known time."""
        return self.skew_ms - self.lateness_ms


class BadLine(NamedTuple):
    """A line that could not be read, and why."""

    row: int
    line: bytes
    reason: str


class CaptureSurvey(NamedTuple):
    """What a capture holds, found in one pass.

    Attributes:
        first_known_ms, last_known_ms: Of any message.
        n_messages: By kind.
        n_other: Trades of another instrument, or not of the market.
    """

    instrument: str
    skew: ClockSkew
    first_known_ms: int
    last_known_ms: int
    silences: tuple[Silence, ...]
    n_messages: Counter[str]
    n_other: int
    bad_lines: tuple[BadLine, ...]

    @property
    def first_boundary_ms(self) -> int:
        """The first start of a minute (venue time) from which on every trade was recorded."""
        vouched_ms = self.first_known_ms + self.skew.lead_ms
        minute_ms = Interval.ONE_MINUTE.milliseconds
        return bar_start_ms(vouched_ms + minute_ms - 1, Interval.ONE_MINUTE)

    @property
    def end_ms(self) -> int:
        """Up to here (venue time) every trade was recorded."""
        return self.last_known_ms + self.skew.lead_ms


def estimate_clock_skew(event_minus_known_ms: Sequence[int]) -> ClockSkew:
    """The skew and the lateness of a source, from the differences of its trades' two times.

    The lateness is such that no trade is behind its watermark: a watermark at known time K
    stands at ``K + skew - lateness``, and a trade known at or after K happened no earlier.

    Args:
        event_minus_known_ms: One per trade; known time floored to milliseconds.

    Raises:
        ValueError: If there is none.

    Example:
        >>> estimate_clock_skew([1270, 1273, 1275])
        ClockSkew(skew_ms=1273, lateness_ms=3)
    """
    if not len(event_minus_known_ms):
        message = "a clock skew needs at least one trade"
        raise ValueError(message)
    skew_ms = int(np.floor(np.median(event_minus_known_ms)))
    return ClockSkew(skew_ms, skew_ms - int(min(event_minus_known_ms)))


def survey_capture(path: Path, *, instrument: str | None = None) -> CaptureSurvey:
    """Read a capture once, for its clock.

    Args:
        instrument: Whose trades count; None takes that of the first trade.

    Raises:
        ConfigurationError: If the file is not such a capture, or holds no trade.
    """
    counts: Counter[str] = Counter()
    bad: list[BadLine] = []
    known: list[int] = []
    differences: list[int] = []
    n_other = 0
    for row, line in enumerate(_lines(path), start=1):
        try:
            known_ms, kind, trade = _read_line(line)
            counts[kind] += 1
            known.append(known_ms)
            if trade is None:
                continue
            instrument = instrument or instrument_of_trade(trade)
            if _is_wanted(trade, instrument):
                tick_of_trade(trade, instrument=instrument, known_time_ms=known_ms, stream="survey")
                differences.append(trade.trade_time_ms - known_ms)
            else:
                n_other += 1
        except ContractError as error:
            bad.append(BadLine(row, line, str(error)))
    if not differences or instrument is None:
        message = (
            f"{path.name} must hold lines of local nanoseconds, a space and a Binance message, trades among "
            f"them; of {sum(counts.values()) + len(bad)} lines {len(bad)} were unreadable"
            + (f" (row {bad[0].row}: {bad[0].reason})" if bad else "")
        )
        raise ConfigurationError(message)
    return CaptureSurvey(
        instrument=instrument,
        skew=estimate_clock_skew(differences),
        first_known_ms=known[0],
        last_known_ms=max(known),
        silences=_silences(known),
        n_messages=counts,
        n_other=n_other,
        bad_lines=tuple(bad),
    )


def _silences(known: Sequence[int]) -> tuple[Silence, ...]:
    times = np.maximum.accumulate(np.array(known, dtype=np.int64))
    pauses = np.flatnonzero(np.diff(times) > LONGEST_PAUSE_MS)
    return tuple(Silence(int(times[i]) + 1, int(times[i + 1])) for i in pauses)


def ticks_of_capture(
    path: Path, *, instrument: str, stream: str, from_ms: int, source: str = SOURCE
) -> Iterator[TickObserved]:
    """The trades of a capture that happened at or after ``from_ms``, as they were recorded.

    Unreadable lines are left out here; the survey names them.
    """
    for line in _lines(path):
        try:
            known_ms, _, trade = _read_line(line)
            if trade is None or trade.trade_time_ms < from_ms or not _is_wanted(trade, instrument):
                continue
            tick = tick_of_trade(
                trade, instrument=instrument, known_time_ms=known_ms, stream=stream, source=source
            )
        except ContractError:
            continue
        yield tick


def _is_wanted(trade: TradeMessage, instrument: str) -> bool:
    return trade.is_of_market and instrument_of_trade(trade) == instrument


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as lines:
            yield from (line.rstrip(b"\n") for line in lines)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path.name} is not a whole gzip capture: {error}; record or copy it again"
        raise ConfigurationError(message) from error


def _read_line(line: bytes) -> tuple[int, str, TradeMessage | None]:
    """When the recorder had it, what kind it is, and the trade that it may be."""
    local_ns, _, payload = line.partition(b" ")
    if not local_ns.isdigit():
        message = f"a line must begin with the local time in nanoseconds, was {local_ns[:30]!r}"
        raise DecodeError(message)
    kind, body = message_kind(payload)
    return int(local_ns) // _NS_PER_MS, kind, (read_trade(body) if kind == TRADE else None)
