"""Judges what is stored of a run, by kind, instrument and day."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from schemas.collected_frames import CollectedFrame
from schemas.gaps import Gap
from schemas.streams import StreamDescription
from schemas.time import Interval, text_of_time
from schemas.wire.postgres.contents import DayCount, StoredContents
from schemas.wire.postgres.minutes import StoredMinutes, stored_minutes
from schemas.wire.postgres.pools import PostgresPool
from trainers.quality.measuring import DAY_MS, Expected, Judged, expected_bars, judged
from trainers.quality.reports import DataKind, DayQuality, Freshness

_KINDS = {CollectedFrame.QUOTES: DataKind.QUOTES, CollectedFrame.PRICES: DataKind.PRICES}
_NOTHING = Expected(0, 0)


class StoredDays:
    """Judges one run over whole days.

    Args:
        pool: The open connections to Postgres.
        description: Of the run.
        gaps: All gaps of its ledger.
        from_ms: The beginning of the first day.
        until_ms: The end.
    """

    def __init__(
        self,
        pool: PostgresPool,
        description: StreamDescription,
        gaps: Sequence[Gap],
        *,
        from_ms: int,
        until_ms: int,
    ) -> None:
        self._pool = pool
        self._contents = StoredContents(pool)
        self._description = description
        self._stream = description.stream
        self._gaps = gaps
        self._span = {"from_ms": from_ms, "until_ms": until_ms + 1}
        self._from_ms, self._until_ms = from_ms, until_ms
        self.freshness: list[Freshness] = []

    def days(self) -> Iterator[DayQuality]:
        """Yield each day of each instrument; ``freshness`` is whole afterwards."""
        for source in self._description.sources:
            for instrument in source.instruments:
                yield from self._bars(source.name, instrument)
        yield from self._trades()
        yield from self._checked(CollectedFrame.QUOTES)
        yield from self._checked(CollectedFrame.PRICES)
        yield from self._articles()

    # Bars

    def _bars(self, source: str, instrument: str) -> Iterator[DayQuality]:
        interval = self._contents.shortest_interval(self._stream, instrument)
        if interval is None:
            return
        bars = stored_minutes(self._pool, self._stream, instrument=instrument, interval=interval)
        if not len(bars.start_ms):
            return
        self._newest(DataKind.BARS, source, instrument, int(bars.start_ms[-1]) + interval.milliseconds)
        late = _by_day(
            self._contents.late_trades(self._stream, interval, **self._span), instrument=instrument
        )
        expected = self._expected(bars, instrument, interval)
        found = judged(CollectedFrame.BARS, _columns(bars), bars.start_ms)
        for day in sorted(expected.keys() | self._judged_days(found)):
            yield _day(DataKind.BARS, source, instrument, day, found, expected=expected, duplicates=late)

    def _expected(self, bars: StoredMinutes, instrument: str, interval: Interval) -> dict[int, Expected]:
        begin_ms = min(self._description.origin_ms, int(bars.start_ms[0]))
        return expected_bars(
            bars.start_ms,
            length_ms=interval.milliseconds,
            from_ms=max(begin_ms, self._from_ms),
            until_ms=self._until_ms,
            gaps=[gap for gap in self._gaps if gap.instrument == instrument],
        )

    def _judged_days(self, found: Judged) -> set[int]:
        span = range(self._from_ms // DAY_MS, self._until_ms // DAY_MS + 1)
        return {day for day in found.n_rows if day in span}

    # Everything else

    def _trades(self) -> Iterator[DayQuality]:
        for count in self._counts(CollectedFrame.TICKS, DataKind.TRADES):
            yield DayQuality(
                data=DataKind.TRADES,
                source=count.source,
                instrument=count.owner,
                day=_text(count.day),
                n_rows=count.n,
            )

    def _checked(self, frame: CollectedFrame) -> Iterator[DayQuality]:
        """Quotes or prices: each day of an instrument is read and judged by itself, to bound the memory."""
        quarantined = (
            _sums(self._contents.quarantined(self._stream, **self._span))
            if frame is CollectedFrame.PRICES
            else {}
        )
        for count in self._counts(frame, _KINDS[frame]):
            span = {"from_ms": count.day * DAY_MS, "until_ms": (count.day + 1) * DAY_MS}
            columns = self._contents.columns(frame, self._stream, owner=count.owner, **span)
            found = judged(frame, columns, columns["event_time_ms"])
            yield _day(
                _KINDS[frame],
                count.source,
                count.owner,
                count.day,
                found,
                n_quarantined=quarantined.get((count.owner, count.day), 0),
            )

    def _articles(self) -> Iterator[DayQuality]:
        copies = self._contents.copies(self._stream, **self._span)
        counts = self._counts(CollectedFrame.ARTICLES, DataKind.ARTICLES)
        for source in dict.fromkeys(count.source for count in counts):
            columns = self._contents.columns(
                CollectedFrame.ARTICLES, self._stream, owner=source, **self._span
            )
            found = judged(CollectedFrame.ARTICLES, columns, columns["event_time_ms"])
            duplicates = _by_day(copies, instrument=source)
            for day in sorted(found.n_rows):
                yield _day(DataKind.ARTICLES, source, source, day, found, duplicates=duplicates)

    def _counts(self, frame: CollectedFrame, data: DataKind) -> list[DayCount]:
        counts = self._contents.counts(frame, self._stream, **self._span)
        newest = {
            (count.source, count.owner): count for count in sorted(counts, key=lambda each: each.newest_ms)
        }
        for (source, owner), count in newest.items():
            self._newest(data, source, owner, count.newest_ms, count.known_ms)
        return counts

    def _newest(
        self, data: DataKind, source: str, instrument: str, newest_ms: int, known_ms: int | None = None
    ) -> None:
        self.freshness.append(
            Freshness(
                data=data,
                source=source,
                instrument=instrument,
                newest_ms=newest_ms,
                age_s=(self._until_ms - newest_ms) / 1000,
                delay_s=None if known_ms is None else (known_ms - newest_ms) / 1000,
            )
        )


def _columns(bars: StoredMinutes) -> dict[str, NDArray[Any]]:
    prices = {name: bars.prices[:, i] for i, name in enumerate(("open", "high", "low", "close"))}
    return {"start_ms": bars.start_ms, **prices, "volume": bars.volume, "buy_volume": bars.buy_volume}


def _text(day: int) -> str:
    return text_of_time(day * DAY_MS, "day")


def _sums(counts: Sequence[DayCount]) -> dict[tuple[str, int], int]:
    result: dict[tuple[str, int], int] = defaultdict(int)
    for count in counts:
        result[count.owner, count.day] += count.n
    return result


def _by_day(counts: Sequence[DayCount], *, instrument: str) -> dict[int, int]:
    return {day: n for (owner, day), n in _sums(counts).items() if owner == instrument}


def _day(
    data: DataKind,
    source: str,
    instrument: str,
    day: int,
    found: Judged,
    *,
    expected: dict[int, Expected] | None = None,
    duplicates: dict[int, int] | None = None,
    n_quarantined: int = 0,
) -> DayQuality:
    wanted = (expected or {}).get(day, _NOTHING)
    return DayQuality(
        data=data,
        source=source,
        instrument=instrument,
        day=_text(day),
        n_rows=found.n_rows[day],
        n_expected=None if expected is None else wanted.n,
        n_unexplained=wanted.n_unexplained,
        n_duplicates=(duplicates or {}).get(day, 0),
        n_outliers=found.n_outliers[day],
        n_quarantined=n_quarantined,
        broken=dict(found.broken.get(day, {})),
    )
