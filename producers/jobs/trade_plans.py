"""The plans of recorded trades: captures and dumps, each with a history of candles before it if there is one."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from producers.jobs.file_plans import rejects_of_table, source_of_run
from producers.jobs.plans import REAL_TIME, Reject, RunPlan, SourcePlan
from producers.jobs.runs import stream_of
from producers.normalise.trade_ids import with_id_epochs
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from producers.sources.files.recognition import instrument_of_file
from producers.sources.files.tables import CandleTable, read_candles
from producers.sources.files.trades.filters import TradeFilter
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.reading import ticks_of_trades
from producers.sources.files.trades.surveys import TradeSurvey, survey_trades
from schemas.errors import ConfigurationError
from schemas.frames import Breach
from schemas.streams import StreamDescription, StreamKind
from schemas.time import Interval, text_of_time

HISTORY_OF_TRADES_MS = 21 * Interval.ONE_DAY.milliseconds
#: The parameter of a stream's description that says which trades of its file are good.
_FILTER = "trades"
_MINUTE = Interval.ONE_MINUTE


class TradeFilePlan(SourcePlan):
    """Candles of a history file up to the first full minute of a file of trades, then its ticks.

    Args:
        settings: Of the run.
        path: The file of trades.
        stored: What the history remembers of the stream; it wins.
        now_ms: The wall clock, for when a new run was described; no trade of it is later.
    """

    is_live = False

    def __init__(
        self, settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
    ) -> None:
        self._path, self._history = path, settings.history
        stated = settings.instruments[:1]
        created_ms = now_ms if stored is None else stored.created_ms
        self._request = settings.read_request(created_ms, instrument=stated[0] if stated else None)
        self._file = open_trades(path, instrument=self._request.instrument)
        self.breaches: Sequence[Breach] = ()
        self.rejects: Sequence[Reject] = ()
        self.notes: Sequence[str] = ()
        self._table: CandleTable | None = None
        if stored is None or _FILTER not in stored.parameters:
            survey = survey_trades(self._file, self._request)
            self.rejects, self.notes = _rejects_of(survey, path), survey.warnings
            self._filter = survey.filter
            self.description = stored or _describe(settings, path, survey, self._history_table(), now_ms)
        else:
            self._filter = msgspec.json.decode(str(stored.parameters[_FILTER]), type=TradeFilter)
            self.description = stored
        self.source = self.description.sources[0]

    def _history_table(self) -> CandleTable | None:
        if self._table is None and self._history is not None:
            self._table = read_candles(self._history, self._request)
            self.breaches = self._table.breaches
            self.rejects = (*self.rejects, *rejects_of_table(self._table, self._history))
        return self._table

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:  # noqa: ARG002  (of the protocol)
        """Return the candles as far as they are missing, then ticks from the last one's millisecond on; see the port."""
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
        ticks = ticks_of_trades(
            self._file,
            instrument=self.description.instruments[0],
            chosen=self._filter,
            source=self.source.name,
            stream=self.description.stream,
            from_ms=self.description.warm_up_until_ms,
        )
        return (tick for tick in with_id_epochs(ticks) if tick.known_time_ms >= reached_ms)


def trade_file_plan(
    settings: ProducerSettings, path: Path, stored: StreamDescription | None, *, now_ms: int
) -> RunPlan:
    """Return the plan of a file of trades, which is one source.

    Args:
        settings: Of the run.
        path: The file.
        stored: What the history remembers of the stream; it wins.
        now_ms: The wall clock, for when a new run was described.

    Raises:
        ConfigurationError: If the file or its history does not hold what is needed.
    """
    plan = TradeFilePlan(settings, path, stored, now_ms=now_ms)
    return RunPlan(plan.description, [plan])


def _describe(
    settings: ProducerSettings, path: Path, survey: TradeSurvey, table: CandleTable | None, now_ms: int
) -> StreamDescription:
    boundary_ms = survey.first_boundary_ms
    if boundary_ms >= survey.end_ms:
        message = (
            f"{path.name} must hold trades of at least one whole minute, to make a bar of; it holds those from "
            f"{text_of_time(survey.first_ms)} to {text_of_time(survey.last_ms)}"
        )
        raise ConfigurationError(message)
    return StreamDescription(
        stream=stream_of(settings),
        kind=StreamKind.REPLAY,
        title=f"replay of {path.name}, {text_of_time(boundary_ms, 'minute')} .. {text_of_time(survey.end_ms, 'minute')}",
        source=source_of_run(settings, survey.instrument),
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
            "known_time": "local" if survey.filter.is_stamped else "venue",
            _FILTER: msgspec.json.encode(survey.filter).decode(),
        },
        created_ms=now_ms,
    )


def _history_from(
    settings: ProducerSettings, table: CandleTable | None, instrument: str, boundary_ms: int
) -> int:
    """Where the candles before a file of trades begin."""
    if table is None or settings.history is None:
        return boundary_ms
    name = settings.history.name
    found = instrument if settings.instrument is not None else instrument_of_file(settings.history)
    if found != instrument:
        message = f"HISTORY must be of {instrument} as the trades are, {name} is of {found}"
        raise ConfigurationError(message)
    if table.interval is not _MINUTE:
        message = (
            f"HISTORY must hold 1-minute candles, which ticks are made into; {name} holds {table.interval}"
        )
        raise ConfigurationError(message)
    segment = table.segment_of(boundary_ms - 1)
    if segment is None:
        begin, end = table.segments()[0][0], table.segments()[-1][1]
        message = (
            f"HISTORY must hold the candles up to {text_of_time(boundary_ms, 'minute')}, where the trades begin: {name} holds "
            f"{text_of_time(begin, 'minute')} .. {text_of_time(end, 'minute')}; give one that reaches so far, or leave HISTORY out"
        )
        raise ConfigurationError(message)
    return max(segment[0], boundary_ms - HISTORY_OF_TRADES_MS)


def _rejects_of(survey: TradeSurvey, path: Path) -> tuple[Reject, ...]:
    return tuple(
        Reject(
            file=path.name,
            row=line.row,
            column="line",
            rule=line.rule,
            reason=line.reason,
            value=line.line,
        )
        for line in survey.rejected
    )
