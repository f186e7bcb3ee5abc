"""The plans of recorded files: candles, and captures with a history of candles before them."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from producers.jobs.plans import REAL_TIME, Reject
from producers.jobs.runs import instruments_of, stream_of
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from producers.sources.files.captures import CaptureSurvey, survey_capture, ticks_of_capture
from producers.sources.files.recognition import instrument_of_file
from producers.sources.files.tables import CandleTable, read_candles
from schemas.errors import ConfigurationError
from schemas.frames import Breach
from schemas.instruments import parse_instrument
from schemas.sources import SOURCES
from schemas.streams import StreamDescription, StreamKind
from schemas.time import Interval, bar_start_ms, parse_time, text_of_time

WARM_UP_SHARE = 0.7
CANDLES_SPEED = 60.0
HISTORY_OF_CAPTURE_MS = 21 * Interval.ONE_DAY.milliseconds
_HOUR = Interval.ONE_HOUR
_MINUTE = Interval.ONE_MINUTE


class CandleFilePlan:
    """Candles of a file, or of several side by side, all of them published as such."""

    def __init__(
        self, settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
    ) -> None:
        files = (path, *settings.files_beside)
        self._tables = [read_candles(file) for file in files]
        self.breaches: Sequence[Breach] = [breach for table in self._tables for breach in table.breaches]
        self.rejects: Sequence[Reject] = [
            reject
            for table, file in zip(self._tables, files, strict=True)
            for reject in rejects_of_table(table, file)
        ]
        self.description = stored or _describe_candles(settings, files, self._tables, now_ms)

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:  # noqa: ARG002  (of the protocol)
        """The candles behind the last one, by known time, then instrument, as the history gives them back."""
        description = self.description
        from_ms = description.origin_ms if after.candle_end_ms is None else after.candle_end_ms
        end_ms = description.end_ms if until_ms is None else until_ms
        candles = [
            table.candles(
                from_ms,
                from_ms if end_ms is None else end_ms,
                instrument=instrument,
                source=description.source,
                stream=description.stream,
            )
            for table, instrument in zip(self._tables, description.instruments, strict=True)
        ]
        return heapq.merge(*candles, key=lambda candle: (candle.known_time_ms, candle.instrument))


class CapturePlan:
    """Candles of a history file up to the first full minute of a capture, then its ticks."""

    def __init__(
        self, settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
    ) -> None:
        self._path, self._history = path, settings.history
        self.breaches: Sequence[Breach] = ()
        self.rejects: Sequence[Reject] = ()
        self._table: CandleTable | None = None
        if stored is not None:
            self.description = stored
            return
        survey = survey_capture(path, instrument=settings.instrument)
        self.rejects = _rejects_of_capture(survey, path)
        table = self._history_table()
        self.description = _describe_capture(settings, path, survey, table, now_ms)

    def _history_table(self) -> CandleTable | None:
        if self._table is None and self._history is not None:
            self._table = read_candles(self._history)
            self.breaches = self._table.breaches
            self.rejects = (*self.rejects, *rejects_of_table(self._table, self._history))
        return self._table

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:  # noqa: ARG002  (of the protocol)
        """Candles as far as they are missing, then ticks from the last one's millisecond on."""
        boundary_ms = self.description.warm_up_until_ms
        candles: Iterator[MarketEvent] = iter(())
        from_ms = self.description.origin_ms if after.candle_end_ms is None else after.candle_end_ms
        if from_ms < boundary_ms and (table := self._history_table()) is not None:
            description = self.description
            candles = table.candles(
                from_ms,
                boundary_ms,
                instrument=description.instruments[0],
                source=description.source,
                stream=description.stream,
            )
        return (
            candles
            if until_ms is not None and until_ms <= boundary_ms
            else chain(candles, self._ticks(after))
        )

    def _ticks(self, after: Reached) -> Iterator[MarketEvent]:
        reached_ms = -1 if after.tick_known_ms is None else after.tick_known_ms
        ticks = ticks_of_capture(
            self._path,
            instrument=self.description.instruments[0],
            stream=self.description.stream,
            from_ms=self.description.warm_up_until_ms,
        )
        return (tick for tick in ticks if tick.known_time_ms >= reached_ms)


def _describe_candles(
    settings: ProducerSettings, files: Sequence[Path], tables: Sequence[CandleTable], now_ms: int
) -> StreamDescription:
    instruments, path, table = instruments_of(settings), files[0], tables[0]
    origin_ms, end_ms = _stretch(settings, path, table)
    for other_path, other in zip(files[1:], tables[1:], strict=True):
        end_ms = _common_end(other_path, other, like=table, origin_ms=origin_ms, end_ms=end_ms)
    floor = max(_HOUR, table.interval, key=lambda interval: interval.milliseconds)
    split_ms = bar_start_ms(origin_ms + int(WARM_UP_SHARE * (end_ms - origin_ms)), floor)
    return StreamDescription(
        stream=stream_of(settings),
        kind=StreamKind.REPLAY,
        title=f"replay of {', '.join(file.name for file in files)}, {text_of_time(origin_ms, 'day')} .. {text_of_time(end_ms, 'day')}",
        source=_source_of(instruments[0]),
        instruments=instruments,
        origin_ms=origin_ms,
        warm_up_until_ms=max(origin_ms, split_ms),
        end_ms=end_ms,
        speed=CANDLES_SPEED if settings.speed is None else settings.speed,
        parameters={"file": ", ".join(file.name for file in files), "interval": str(table.interval)},
        created_ms=now_ms,
    )


def _common_end(path: Path, table: CandleTable, *, like: CandleTable, origin_ms: int, end_ms: int) -> int:
    """Where the first of the files ends: behind it the others' companion would be missing for good."""
    if table.interval is not like.interval:
        message = f"the files of a run must be of one interval: {path.name} holds {table.interval}, the first {like.interval}"
        raise ConfigurationError(message)
    starts = table.columns["start_ms"]
    here = starts[(starts >= origin_ms) & (starts < end_ms)]
    if not len(here):
        message = f"{path.name} holds no candle from {text_of_time(origin_ms, 'minute')} to {text_of_time(end_ms, 'minute')}, where the first file is played"
        raise ConfigurationError(message)
    return min(end_ms, int(here[-1]) + table.interval.milliseconds)


def _stretch(settings: ProducerSettings, path: Path, table: CandleTable) -> tuple[int, int]:
    """The first start and last end of the chosen rows."""
    segments = table.segments()
    from_ms, to_ms = parse_time(settings.from_time, "FROM"), parse_time(settings.to_time, "TO")
    if from_ms is None and to_ms is None:
        return segments[-1]
    first_ms = segments[0][0] if from_ms is None else from_ms
    last_ms = segments[-1][1] if to_ms is None else to_ms
    starts = table.columns["start_ms"]
    chosen = starts[(starts >= first_ms) & (starts + table.interval.milliseconds <= last_ms)]
    if not len(chosen):
        stretches = ", ".join(
            f"{text_of_time(start, 'day')} .. {text_of_time(end, 'day')}" for start, end in segments
        )
        message = f"FROM and TO must hold a candle of {path.name}, which has {stretches}"
        raise ConfigurationError(message)
    return int(chosen[0]), int(chosen[-1]) + table.interval.milliseconds


def _describe_capture(
    settings: ProducerSettings, path: Path, survey: CaptureSurvey, table: CandleTable | None, now_ms: int
) -> StreamDescription:
    boundary_ms = survey.first_boundary_ms
    if boundary_ms >= survey.end_ms:
        message = f"{path.name} holds no whole minute: {survey.last_known_ms - survey.first_known_ms} ms"
        raise ConfigurationError(message)
    return StreamDescription(
        stream=stream_of(settings),
        kind=StreamKind.REPLAY,
        title=f"replay of {path.name}, {text_of_time(boundary_ms, 'minute')} .. {text_of_time(survey.end_ms, 'minute')}",
        source=_source_of(survey.instrument),
        instruments=(survey.instrument,),
        origin_ms=_history_from(settings, table, survey.instrument, boundary_ms),
        warm_up_until_ms=boundary_ms,
        end_ms=survey.end_ms,
        speed=REAL_TIME if settings.speed is None else settings.speed,
        parameters={
            "file": path.name,
            "history": None if settings.history is None else settings.history.name,
            "skew_ms": survey.skew.skew_ms,
            "lateness_ms": survey.skew.lateness_ms,
            "silences": msgspec.json.encode(survey.silences).decode(),
        },
        created_ms=now_ms,
    )


def _history_from(
    settings: ProducerSettings, table: CandleTable | None, instrument: str, boundary_ms: int
) -> int:
    """Where the candles before a capture begin."""
    if table is None or settings.history is None:
        return boundary_ms
    name = settings.history.name
    found = instrument if settings.instrument is not None else instrument_of_file(settings.history)
    if found != instrument:
        message = f"HISTORY must be of {instrument} as the capture is, {name} is of {found}"
        raise ConfigurationError(message)
    if table.interval is not _MINUTE:
        message = (
            f"HISTORY must hold 1-minute candles, which ticks are made into; {name} holds {table.interval}"
        )
        raise ConfigurationError(message)
    segment = table.segment_of(boundary_ms - 1)
    if segment is None:
        message = (
            f"no segment of {name} holds {text_of_time(boundary_ms, 'minute')}, where the capture begins"
        )
        raise ConfigurationError(message)
    return max(segment[0], boundary_ms - HISTORY_OF_CAPTURE_MS)


def _source_of(instrument: str) -> str:
    venue = parse_instrument(instrument).venue.lower()
    if venue not in SOURCES:
        known = ", ".join(name.upper() for name in SOURCES)
        message = f"the venue of an instrument must be one of {known}, was {instrument}"
        raise ConfigurationError(message)
    return venue


def rejects_of_table(table: CandleTable, path: Path) -> tuple[Reject, ...]:
    """The rejected rows of a candle file, for the dead letters."""
    return tuple(
        Reject(
            file=path.name,
            row=row.breach.row,
            column=row.breach.column,
            rule=row.breach.rule,
            reason=f"{row.breach.column} {row.breach.rule}: not so, was {row.breach.value}",
            value=msgspec.json.encode(row.values),
        )
        for row in table.rejected
    )


def _rejects_of_capture(survey: CaptureSurvey, path: Path) -> tuple[Reject, ...]:
    return tuple(
        Reject(
            file=path.name,
            row=line.row,
            column="line",
            rule="is a Binance message",
            reason=line.reason,
            value=line.line,
        )
        for line in survey.bad_lines
    )
