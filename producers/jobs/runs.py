"""What a run is: the request for it, its stream's id, and the environment that its jobs share.

The launcher imports this before it starts anything, so it imports nothing heavy.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from producers.jobs.live_runs import check_live, live_instruments, live_stream
from producers.settings import AS_FAST_AS_POSSIBLE, ProducerSettings, RunSource
from producers.sources.files.recognition import content_hash, file_kind, instrument_of_file
from schemas.companions import VARIABLE, check_present, parse_companions, text_of, usual_companions
from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind, stream_id
from schemas.time import parse_time

SIMULATED_INSTRUMENT = "BTC-USDT.SIMULATED"


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What someone asks to be run.

    Attributes:
        data: A recorded file; None is the simulated market.
        beside: Further files of candles, of other instruments.
        history: Where a capture takes its warm-up from.
        news: A file of articles that is played beside the prices; None is as the environment says.
        news_delay: The minutes after which an article of it counts as first seen; None is the default.
        from_text: ISO time of the stretch's beginning, or None.
        to_text: ISO time of its end, exclusive, or None.
        speed: In multiples of real time, 0 as fast as possible; None is the data's default.
        seed: Of the simulated market; None is the default.
        source: Where the data come from if no file is given; None is as the environment says.
        mirror: The address of a mirror that a live run is to use; None is as the environment says.
    """

    data: Path | None = None
    beside: tuple[Path, ...] = ()
    history: Path | None = None
    news: Path | None = None
    news_delay: int | None = None
    from_text: str | None = None
    to_text: str | None = None
    speed: float | None = None
    seed: int | None = None
    source: RunSource | None = None
    mirror: str | None = None


def run_environment(request: RunRequest, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables by which every job knows the run.

    Args:
        request: What is asked for.
        environment: Further settings that shape the data, such as DRIFTLINE_INSTRUMENT and
            DRIFTLINE_SIMULATED_EDGE; they are part of the stream's id.

    Returns:
        DRIFTLINE_STREAM, DRIFTLINE_REFERENCE_INSTRUMENT, DRIFTLINE_COMPANIONS where there are several
        files, and what the request states; paths are absolute. What is not stated is left out.

    Raises:
        ConfigurationError: If a file is missing or of no known kind, or a time or number has
            another form.
    """
    stated = _stated(request)
    settings = ProducerSettings.from_environment(dict(environment or {}) | stated)
    return stated | {
        "DRIFTLINE_STREAM": stream_of(settings),
        "DRIFTLINE_REFERENCE_INSTRUMENT": ",".join(_references(instruments_of(settings))),
        **_companions(settings, dict(environment or {})),
    }


def _references(instruments: tuple[str, ...]) -> list[str]:
    """What each asset stands for: its first instrument."""
    found: dict[str, str] = {}
    for name in instruments:
        found.setdefault(parse_instrument(name).base, name)
    return list(found.values())


def _companions(settings: ProducerSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """Which companions this run has: those that are set, where it holds them, or the usual ones of several files."""
    instruments, stated = instruments_of(settings), environment.get(VARIABLE)
    if not stated:
        return {VARIABLE: text_of(usual_companions(instruments))} if len(instruments) > 1 else {}
    companions = parse_companions(stated)
    check_present(companions, instruments, has_news=settings.is_live or settings.news is not None)
    return {VARIABLE: text_of({name: found for name, found in companions.items() if name in instruments})}


def _stated(request: RunRequest) -> dict[str, str]:
    if request.speed is not None and request.speed <= 0:
        speed: str | None = AS_FAST_AS_POSSIBLE
    else:
        speed = None if request.speed is None else f"{request.speed:g}"
    values = {
        "DRIFTLINE_DATA": _absolute(request.data, "DATA"),
        "DRIFTLINE_DATA_BESIDE": os.pathsep.join(
            str(path) for path in (_absolute(path, "DATA") for path in request.beside) if path is not None
        )
        or None,
        "DRIFTLINE_HISTORY": _absolute(request.history, "HISTORY"),
        "DRIFTLINE_NEWS": _absolute(request.news, "NEWS"),
        "DRIFTLINE_NEWS_DELAY": None if request.news_delay is None else str(request.news_delay),
        "DRIFTLINE_FROM": request.from_text,
        "DRIFTLINE_TO": request.to_text,
        "DRIFTLINE_SPEED": speed,
        "DRIFTLINE_SEED": None if request.seed is None else str(request.seed),
        "DRIFTLINE_SOURCE": None if request.source is None else str(request.source),
        "DRIFTLINE_SOURCES_MIRROR": request.mirror,
    }
    return {name: value for name, value in values.items() if value is not None}


def _absolute(path: Path | None, name: str) -> str | None:
    if path is None:
        return None
    if not path.is_file():
        message = f"{name} must be an existing file, was {path}"
        raise ConfigurationError(message)
    return str(path.resolve())


def stream_of(settings: ProducerSettings) -> str:
    """The id of the run that settings describe; one that is set wins.

    Raises:
        ConfigurationError: If a file is missing, or the settings do not go together.
    """
    check_combination(settings)
    if settings.stream is not None:
        return settings.stream
    if settings.is_live:
        return live_stream(settings)
    if settings.data is None:
        parameters = msgspec.structs.asdict(settings.market_parameters)
        return stream_id(
            StreamKind.SIMULATION, parameters | {"history_days": settings.simulated_history_days}
        )
    facts: dict[str, str | int | float | None] = {
        "data": content_hash(settings.data),
        "history": None if settings.history is None else content_hash(settings.history),
        "instrument": instrument_of(settings),
        "from_ms": parse_time(settings.from_time, "FROM"),
        "to_ms": parse_time(settings.to_time, "TO"),
    }
    if settings.no_trade_minutes is not None:
        facts["no_trade_minutes"] = settings.no_trade_minutes
    if settings.close_stamped is not None:
        facts["close_stamped"] = settings.close_stamped
    if settings.sources:
        facts["sources"] = settings.sources
    if settings.files_beside:
        facts["beside"] = ",".join(content_hash(path) for path in settings.files_beside)
    if settings.news is not None:
        facts["news"], facts["news_delay"] = content_hash(settings.news), settings.news_delay
    return stream_id(StreamKind.REPLAY, facts)


def instruments_of(settings: ProducerSettings) -> tuple[str, ...]:
    """The instruments of the run that settings describe, the first file's first.

    Raises:
        ConfigurationError: If a file does not tell, or two are of one instrument.
    """
    if settings.is_live:
        return live_instruments(settings)
    stated = settings.instruments[1:]
    beside = [
        str(parse_instrument(stated[i])) if i < len(stated) else instrument_of_file(path)
        for i, path in enumerate(settings.files_beside)
    ]
    found = (instrument_of(settings), *beside)
    if len(set(found)) < len(found):
        message = f"each file of a run must be of an instrument of its own, were of {', '.join(found)}"
        raise ConfigurationError(message)
    return found


def instrument_of(settings: ProducerSettings) -> str:
    """The instrument of the run that settings describe.

    Raises:
        ConfigurationError: If neither the settings nor the file tell.
    """
    if settings.is_live:
        return live_instruments(settings)[0]
    if settings.data is None:
        return SIMULATED_INSTRUMENT
    if settings.instruments:
        return str(parse_instrument(settings.instruments[0]))
    return instrument_of_file(settings.data)


def check_combination(settings: ProducerSettings) -> None:
    """Refuse settings that do not go together.

    Raises:
        ConfigurationError: If they do not; says what to change.
    """
    check_live(settings)
    is_capture = settings.data is not None and not file_kind(settings.data).is_candles
    if settings.files_beside:
        _check_beside(settings, is_capture=is_capture)
    if settings.history is not None and not is_capture:
        message = "HISTORY is the warm-up of a WebSocket capture: set DATA to one, or leave HISTORY out"
        raise ConfigurationError(message)
    if settings.history is not None and not file_kind(settings.history).is_candles:
        message = f"HISTORY must be a file of 1-minute candles, was {settings.history.name}"
        raise ConfigurationError(message)
    if settings.news is not None:
        _check_news(settings)
    has_range = settings.from_time is not None or settings.to_time is not None
    if has_range and (settings.data is None or is_capture):
        message = "FROM and TO choose a stretch of a candle file: set DATA to one, or leave them out"
        raise ConfigurationError(message)


def _check_news(settings: ProducerSettings) -> None:
    if settings.news is not None and not settings.news.is_file():
        message = f"DRIFTLINE_NEWS must be an existing file of articles, was {settings.news}"
        raise ConfigurationError(message)
    if settings.data is None:
        message = "NEWS is played beside recorded prices: set DATA to a file, or leave NEWS out"
        raise ConfigurationError(message)


def _check_beside(settings: ProducerSettings, *, is_capture: bool) -> None:
    for path in settings.files_beside:
        if not path.is_file():
            message = f"DRIFTLINE_DATA_BESIDE must name existing files, has {path}"
            raise ConfigurationError(message)
    captures = [path.name for path in settings.files_beside if not file_kind(path).is_candles]
    if settings.data is None or is_capture or captures:
        message = "several files of a run must all be of candles: captures are played alone"
        raise ConfigurationError(message)
