"""The plans of recorded files of candles."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from producers.jobs.plans import Reject, RunPlan, SourcePlan
from producers.jobs.runs import instruments_of, stream_of
from producers.jobs.splits import warm_up_end_ms
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from producers.sources.files.tables import CandleTable, read_candles
from schemas.errors import ConfigurationError
from schemas.frames import Breach
from schemas.sources import SOURCES, source_of
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.time import Interval, parse_time, text_of_time

CANDLES_SPEED = 60.0
_HOUR = Interval.ONE_HOUR


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
        self.notes = [note for name, table in tables.items() for note in notes_of_table(name, table)]

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:  # noqa: ARG002  (of the protocol)
        """Return the candles after the last one, by known time, then instrument; see the port."""
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
    created_ms = now_ms if stored is None else stored.created_ms
    tables = {
        name: read_candles(file, settings.read_request(created_ms, instrument=name))
        for name, file in zip(instruments, files, strict=True)
    }
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
        found.setdefault(source_of_run(settings, name), []).append(name)
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


def source_of_run(settings: ProducerSettings, instrument: str) -> str:
    """Return the source to which an instrument of a file belongs.

    Raises:
        ConfigurationError: If no source of that name is known, or it is the simulated market, whose models are
            trusted without the leak alarm.
    """
    source = source_of(instrument, settings.parsed_sources())
    if source not in SOURCES:
        known = ", ".join(SOURCES)
        message = (
            f"the source of an instrument must be one of {known}; that of {instrument} is {source}, "
            "by its venue or by DRIFTLINE_SOURCES"
        )
        raise ConfigurationError(message)
    if SOURCES[source].is_simulated:
        message = (
            f"the data of a file are not of the simulated market, and {instrument} has the source {source}: name "
            "the venue that they come from, by INSTRUMENT= or DRIFTLINE_SOURCES"
        )
        raise ConfigurationError(message)
    return source


def notes_of_table(instrument: str, table: CandleTable) -> list[str]:
    """What is to be known of a file of candles before its run."""
    report = table.report
    read = f"{instrument}: {report.n_good:,} of {report.n_rows:,} rows are good"
    rolled = (
        f", rolled up from {report.interval} into {table.interval}"
        if report.interval != table.interval
        else ""
    )
    left_out = [f'{rows.count:,} of them break the rule "{rule}"' for rule, rows in report.rejected.items()]
    if not left_out and not rolled and not report.warnings:
        return []
    return ["; ".join([read + rolled, *left_out]), *(f"{instrument}: {note}" for note in report.warnings)]


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
