"""What each command says of one file."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import click
from click.testing import CliRunner

from producers.commands import commands as producers
from producers.jobs.checking import check_run
from producers.jobs.planning import plan_of
from producers.jobs.runs import RunRequest, run_environment
from producers.normalise.watermarks import Reached
from producers.settings import ProducerSettings
from schemas.errors import ConfigurationError
from schemas.time import text_of_time
from trainers.commands import commands as trainers

#: The share of a file that ``evaluate`` learns from.
_LEARNT = 0.7


class Reading(NamedTuple):
    """What a command says of a file; what it does not tell is None.

    Attributes:
        refused: The sentence with which it refuses the file, or None.
        instrument: The instrument.
        interval: The length of the bars that are read.
        n_bars: The bars or trades that are read.
        n_left_out: The rows that are set aside.
    """

    refused: str | None = None
    instrument: str | None = None
    interval: str | None = None
    n_bars: int | None = None
    n_left_out: int | None = None


class Readings(NamedTuple):
    """What the three commands say of a file.

    Attributes:
        kind: ``candles``, ``trades`` or ``capture``; None of a file that ``inspect`` refuses.
        seconds: How long all three took.
    """

    kind: str | None
    inspect: Reading
    evaluate: Reading
    up: Reading
    seconds: float


def readings_of(path: Path, folder: Path) -> Readings:
    """Let the three commands read a file.

    Args:
        path: The file.
        folder: Where figures are written.
    """
    began_s = time.monotonic()
    report = _inspected(path)
    found = Reading(
        refused=report["refused"],
        instrument=report["instrument"],
        interval=report["interval"],
        n_bars=report["n_good"] if report["n_bars"] is None else report["n_bars"],
        n_left_out=report["n_rows"] - report["n_good"],
    )
    evaluated = _evaluated(path, report, folder / "figures.json")
    return Readings(report["kind"], found, evaluated, _played(path), time.monotonic() - began_s)


def _inspected(path: Path) -> dict:
    result = CliRunner().invoke(producers, ["inspect", str(path), "--json"], obj={})
    _raise_unexpected(result)
    return json.loads(result.stdout)


def _evaluated(path: Path, report: dict, figures: Path) -> Reading:
    first_ms, last_ms = report["first_ms"] or 0, report["last_ms"] or 0
    until = text_of_time(first_ms + int(_LEARNT * (last_ms - first_ms)), "iso")
    interval = report["interval"] or "1h"
    words = ["--bars", str(path), "--quick", "--interval", interval, "--horizon", interval]
    words += ["--train-until", until, "--refit", "never", "--json", str(figures)]
    result = CliRunner().invoke(trainers, ["evaluate", *words], obj={})
    _raise_unexpected(result)
    if result.exception is not None:
        return Reading(refused=str(result.exception))
    bars = json.loads(figures.read_text())["bars"]
    return Reading(interval=bars["interval"], n_bars=bars["n"], n_left_out=bars["n_left_out"])


def _raise_unexpected(result: click.testing.Result) -> None:
    if result.exception is not None and not isinstance(result.exception, ConfigurationError):
        raise result.exception


def _played(path: Path) -> Reading:
    now_ms = time.time_ns() // 1_000_000
    try:
        environment = run_environment(RunRequest(data=path), {})
        # A file of hours or days needs targets of its own; without them it is refused by their name.
        settings = ProducerSettings.from_environment(environment | {"DRIFTLINE_TARGETS": "1m:1m,1d:1d"})
        check_run(settings, now_ms=now_ms)
        plan = plan_of(settings, None, now_ms=now_ms)
    except ConfigurationError as error:
        return Reading(refused=str(error))
    (source,) = plan.sources
    interval = plan.description.parameters.get("interval")
    return Reading(
        instrument=plan.description.instruments[0],
        interval=None if interval is None else str(interval),
        n_bars=sum(1 for _ in source.events(Reached(), until_ms=None, now_ms=now_ms)),
        n_left_out=len({reject.row for reject in source.rejects}),
    )
