"""Turns the options of ``driftline up`` and the environment into a run: its variables and its processes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.processes import PlatformProcess, processes_of_a_run
from producers.jobs.runs import RunRequest, instruments_of, run_environment
from producers.settings import ProducerSettings
from schemas.companions import VARIABLE, parse_companions


class PlatformRun(NamedTuple):
    """A run of the platform.

    Attributes:
        data: What is played, in words for people.
        environment: The variables that identify the run for every process.
        processes: The processes that are started after the servers.
        has_files: Whether recorded files are played, which can be checked before anything is started.
    """

    data: str
    environment: Mapping[str, str]
    processes: Sequence[PlatformProcess]
    has_files: bool = False


def run_of(
    environment: Mapping[str, str],
    *,
    data: tuple[Path, ...] = (),
    history: Path | None = None,
    from_text: str | None = None,
    to_text: str | None = None,
    speed: float | None = None,
    seed: int | None = None,
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

    Raises:
        ConfigurationError: If a file is missing, a time has another form, or options exclude each other.
    """
    request = RunRequest(
        data=data[0] if data else None,
        beside=data[1:],
        history=history,
        from_text=from_text,
        to_text=to_text,
        speed=speed,
        seed=seed,
    )
    facts = run_environment(request, environment)
    known = {**environment, **facts}
    settings = ProducerSettings.from_environment(known)
    played = [path for path in (settings.data, *settings.files_beside) if path is not None]
    return PlatformRun(
        data=_title(settings, played) if played else "SIMULATED market",
        environment=facts,
        has_files=bool(played),
        processes=processes_of_a_run(
            is_replay=bool(played),
            has_companions=bool(parse_companions(facts.get(VARIABLE))),
            is_learning=bool(known.get("DRIFTLINE_ONLINE_MODELS")),
        ),
    )


def _title(settings: ProducerSettings, played: Sequence[Path]) -> str:
    """What is played, with the instruments, whose names state their venues."""
    return f"replay of {', '.join(path.name for path in played)} ({', '.join(instruments_of(settings))})"
