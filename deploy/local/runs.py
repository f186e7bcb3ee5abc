"""Turns the options of ``driftline up`` and the environment into a run: its variables and its processes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.choosing import SIMULATED, AskedSource, Choice, choose
from deploy.local.mirroring import OwnMirror
from deploy.local.news_scorers import with_scorer_ids
from deploy.processes import MarketKind, PlatformProcess, processes_of_a_run
from producers.jobs.live_runs import live_instruments
from producers.jobs.runs import RunRequest, instruments_of, run_environment
from producers.settings import ProducerSettings
from schemas.companions import VARIABLE, parse_companions
from schemas.errors import ConfigurationError


class PlatformRun(NamedTuple):
    """A run of the platform.

    Attributes:
        data: What is played, in words for people.
        environment: The variables that identify the run for every process.
        processes: The processes that are started after the servers.
        has_files: Whether recorded files are played, which can be checked before anything is started.
        own_mirror: The mirror that is started with it; None if none is.
    """

    data: str
    environment: Mapping[str, str]
    processes: Sequence[PlatformProcess]
    has_files: bool = False
    own_mirror: OwnMirror | None = None


def run_of(
    environment: Mapping[str, str],
    *,
    data: tuple[Path, ...] = (),
    history: Path | None = None,
    from_text: str | None = None,
    to_text: str | None = None,
    speed: float | None = None,
    seed: int | None = None,
    news: Path | None = None,
    news_delay: int | None = None,
    choice: Choice = SIMULATED,
) -> PlatformRun:
    """Return the run that is asked for; an option wins over its variable.

    Args:
        environment: The variables; options below win over them.
        data: Recorded files: the first one is of the target, the others are played together with it.
        history: A file of candles for the warm-up of a capture.
        from_text: The beginning of the replay, a UTC time.
        to_text: The end of the replay, a UTC time.
        speed: How many times as fast as it happened.
        seed: The seed of the simulated market.
        news: A file of articles that is played beside the prices.
        news_delay: The minutes after which an article of it counts as first seen.
        choice: What a run without files runs on.

    Raises:
        ConfigurationError: If a file is missing, a time has another form, options exclude each other, or news is to be
            joined with a scorer that does not run here.
    """
    environment = with_scorer_ids(environment)
    has_files = has_data(environment, data)
    request = RunRequest(
        data=data[0] if data else None,
        beside=data[1:],
        history=history,
        news=news,
        news_delay=news_delay,
        from_text=from_text,
        to_text=to_text,
        speed=speed,
        seed=seed,
        source=None if has_files else choice.source,
        mirror=None if has_files else choice.mirror,
    )
    facts = run_environment(request, environment)
    known = {**environment, **facts}
    settings = ProducerSettings.from_environment(known)
    market = _market_of(settings)
    processes = processes_of_a_run(
        market=market,
        has_companions=bool(parse_companions(facts.get(VARIABLE))),
        is_learning=bool(known.get("DRIFTLINE_ONLINE_MODELS")),
        has_news=settings.news is not None
        or (market is MarketKind.LIVE and known.get("DRIFTLINE_LIVE_NEWS") != ""),
    )
    mirror = None if has_files else choice.own_mirror
    return PlatformRun(
        data=_words(settings),
        environment=facts,
        has_files=has_files,
        own_mirror=mirror,
        processes=processes if mirror is None else (mirror.process, *processes),
    )


def chosen(
    environment: Mapping[str, str],
    *,
    data: tuple[Path, ...],
    source: str | None,
    seed: int | None,
    say: Callable[[str], object],
) -> Choice:
    """Return what a run runs on if it has no files; the outside sources are asked only where nothing else decides.

    Args:
        environment: The variables.
        data: Recorded files, which exclude a source.
        source: What is asked for by its name; None leaves the choice open.
        seed: The seed of the simulated market, which asks for that market.
        say: Called with a line for each source that does not answer, and with the choice.

    Raises:
        ConfigurationError: If files and a source are asked for together, or a mirror cannot be had.
    """
    asked = None if source is None else AskedSource(source)
    if not has_data(environment, data):
        is_seeded = seed is not None or bool(environment.get("DRIFTLINE_SEED"))
        return choose(environment, asked=asked, is_seeded=is_seeded, say=say)
    if asked is not None:
        message = "SOURCE and DATA exclude each other: a run with DATA is a replay; leave one of them out"
        raise ConfigurationError(message)
    return SIMULATED


def lacks_file(environment: Mapping[str, str], options: Mapping[str, Any]) -> bool:
    """Return whether a stretch or a history is asked for, and no recorded file."""
    of_files = (options.get("from_text"), options.get("to_text"), options.get("history"))
    names = ("DRIFTLINE_FROM", "DRIFTLINE_TO", "DRIFTLINE_HISTORY")
    is_asked = any(each is not None for each in of_files) or any(environment.get(name) for name in names)
    return is_asked and not has_data(environment, options["data"])


def has_data(environment: Mapping[str, str], data: tuple[Path, ...]) -> bool:
    """Return whether recorded files are played."""
    return bool(data) or bool(environment.get("DRIFTLINE_DATA"))


def _market_of(settings: ProducerSettings) -> MarketKind:
    if settings.data is not None:
        return MarketKind.REPLAY
    return MarketKind.LIVE if settings.is_live else MarketKind.SIMULATION


def _words(settings: ProducerSettings) -> str:
    """Return what is played, in words for people; instruments state their venues."""
    if settings.data is not None:
        names = ", ".join(path.name for path in (settings.data, *settings.files_beside))
        news = "" if settings.news is None else f" with the news of {settings.news.name}"
        return f"replay of {names} ({', '.join(instruments_of(settings))}){news}"
    if not settings.is_live:
        return "SIMULATED market"
    if settings.sources_mirror is not None:
        return f"MIRROR at {settings.sources_mirror}: recorded answers, not the live market"
    return f"live market: {', '.join(live_instruments(settings))}"
