"""The plans of recorded files: candles, and captures with a history of candles before them."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from producers.jobs.plans import REAL_TIME, Reject, RunPlan, SourcePlan
from producers.jobs.runs import instruments_of, stream_of
from producers.jobs.splits import warm_up_end_ms
from producers.normalise.trade_ids import with_id_epochs
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from producers.sources.files.captures import CaptureSurvey, survey_capture, ticks_of_capture
from producers.sources.files.recognition import instrument_of_file
from producers.sources.files.tables import CandleTable, read_candles
from schemas.errors import ConfigurationError
from schemas.frames import Breach
from schemas.sources import SOURCES, source_of
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.time import Interval, parse_time, text_of_time

CANDLES_SPEED = 60.0
HISTORY_OF_CAPTURE_MS = 21 * Interval.ONE_DAY.milliseconds
_HOUR = Interval.ONE_HOUR
_MINUTE = Interval.ONE_MINUTE


class CandleFilePlan(SourcePlan):
    """Candles of one source, from a file or from several side by side, all of them published as such.

    Args:
        tables: By instrument.
        rejects: The rows of its files that are not published.
    """

    is_live = False

    def __init__(
        self,
        description: StreamDescription,
        source: StreamSource,
        tables: Mapping[str, CandleTable],
        rejects: Sequence[Reject],
    ) -> None:
        self._description = description
        self._tables = tables
        self.source = source
        self.rejects: Sequence[Reject] = rejects
        self.breaches: Sequence[Breach] = [breach for table in tables.values() for breach in table.breaches]

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:  # noqa: ARG002  (of the protocol)
        """The candles behind the last one, by known time, then instrument, as the history gives them back."""
        description = self._description
        from_ms = description.origin_ms if after.candle_end_ms is None else after.candle_end_ms
        end_ms = description.end_ms if until_ms is None else until_ms
        candles = [
            self._tables[instrument].candles(
                from_ms,
                from_ms if end_ms is None else end_ms,
                instrument=instrument,
                source=self.source.name,
                stream=description.stream,
            )
            for instrument in self.source.instruments
        ]
        return heapq.merge(*candles, key=lambda candle: (candle.known_time_ms, candle.instrument))


def candle_file_plan(
    settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
) -> RunPlan:
    """The plan of one or several files of candles; files of several sources are several sources of the run.

    Args:
        settings: Of the run.
        path: The first file.
        stored: What the history remembers of the stream; it wins.
        now_ms: The wall clock, for when a new run was described.

    Raises:
        ConfigurationError: If a file is not of such candles, or the files do not go together.
    """
    files = (path, *settings.files_beside)
    instruments = instruments_of(settings)
    tables = dict(zip(instruments, map(read_candles, files), strict=True))
    rejects = {
        name: rejects_of_table(tables[name], file) for name, file in zip(instruments, files, strict=True)
    }
    description = stored or _describe_candles(settings, files, tables, now_ms)
    unknown = [name for name in instruments if name not in description.instruments]
    if unknown:
        message = (
            f"the run {description.stream} holds {', '.join(description.instruments)}, and no {unknown[0]}"
        )
        raise ConfigurationError(message)
    plans = [
        CandleFilePlan(
            description,
            source,
            {name: tables[name] for name in source.instruments},
            [reject for name in source.instruments for reject in rejects[name]],
        )
        for source in description.sources
        if _has_files(source, tables)
    ]
    return RunPlan(description, plans)


def _has_files(source: StreamSource, tables: Mapping[str, CandleTable]) -> bool:
    """Whether the run has the files of a source now: all of them, or it has none."""
    missing = [name for name in source.instruments if name not in tables]
    if missing and len(missing) < len(source.instruments):
        message = f"the files of {source.name} must hold all of its instruments, {missing[0]} is missing"
        raise ConfigurationError(message)
    return not missing


class CapturePlan(SourcePlan):
    """Candles of a history file up to the first full minute of a capture, then its ticks."""

    is_live = False

    def __init__(
        self, settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
    ) -> None:
        self._path, self._history = path, settings.history
        self.breaches: Sequence[Breach] = ()
        self.rejects: Sequence[Reject] = ()
        self._table: CandleTable | None = None
        if stored is None:
            survey = survey_capture(path, instrument=settings.instrument)
            self.rejects = _rejects_of_capture(survey, path)
            stored = _describe_capture(settings, path, survey, self._history_table(), now_ms)
        self.description = stored
        self.source = stored.sources[0]

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
                source=self.source.name,
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
            source=self.source.name,
            stream=self.description.stream,
            from_ms=self.description.warm_up_until_ms,
        )
        return (tick for tick in with_id_epochs(ticks) if tick.known_time_ms >= reached_ms)


def capture_plan(
    settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
) -> RunPlan:
    """The plan of a capture, which is one source.

    Args:
        settings: Of the run.
        path: The first file.
        stored: What the history remembers of the stream; it wins.
        now_ms: The wall clock, for when a new run was described.

    Raises:
        ConfigurationError: If the file or its history does not hold what is needed.
    """
    plan = CapturePlan(settings, path, stored, now_ms=now_ms)
    return RunPlan(plan.description, [plan])


def _describe_candles(
    settings: ProducerSettings, files: Sequence[Path], tables: Mapping[str, CandleTable], now_ms: int
) -> StreamDescription:
    (path, *others), (table, *other_tables) = files, tables.values()
    origin_ms, end_ms = _stretch(settings, path, table)
    for other_path, other in zip(others, other_tables, strict=True):
        end_ms = _common_end(other_path, other, like=table, origin_ms=origin_ms, end_ms=end_ms)
    floor = max(_HOUR, table.interval, key=lambda interval: interval.milliseconds)
    sources = _sources_of(settings, tables)
    closes = [each.columns["start_ms"] + each.interval.milliseconds for each in tables.values()]
    split_ms = warm_up_end_ms(closes, origin_ms=origin_ms, end_ms=end_ms, boundary=floor)
    return StreamDescription(
        stream=stream_of(settings),
        kind=StreamKind.REPLAY,
        title=f"replay of {', '.join(file.name for file in files)}, {text_of_time(origin_ms, 'day')} .. {text_of_time(end_ms, 'day')}",
        source=sources[0].name,
        instruments=tuple(tables),
        origin_ms=origin_ms,
        warm_up_until_ms=split_ms,
        end_ms=end_ms,
        speed=CANDLES_SPEED if settings.speed is None else settings.speed,
        parameters={"file": ", ".join(file.name for file in files), "interval": str(table.interval)},
        created_ms=now_ms,
        sources=sources,
    )


def _sources_of(settings: ProducerSettings, instruments: Iterable[str]) -> tuple[StreamSource, ...]:
    """The sources to which instruments belong, in the order of their first instruments."""
    found: dict[str, list[str]] = {}
    for name in instruments:
        found.setdefault(_source_of(settings, name), []).append(name)
    return tuple(StreamSource(name=source, instruments=tuple(names)) for source, names in found.items())


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
        source=_source_of(settings, survey.instrument),
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


def _source_of(settings: ProducerSettings, instrument: str) -> str:
    source = source_of(instrument, settings.parsed_sources())
    if source not in SOURCES:
        known = ", ".join(SOURCES)
        message = (
            f"the source of an instrument must be one of {known}; that of {instrument} is {source}, "
            "by its venue or by DRIFTLINE_SOURCES"
        )
        raise ConfigurationError(message)
    return source


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
