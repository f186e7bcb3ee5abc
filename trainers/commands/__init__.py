"""The trainers' part of the command line. Heavy imports wait until a command runs."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from trainers.commands.backtests import backtest
from trainers.commands.models import models

_VERSION_OF = "driftline"


@click.group()
def commands() -> None:
    """Train models, and look at those there are."""


@commands.command()
@click.option("--stream", default=None, help="The run to train on; by default DRIFTLINE_STREAM.")
@click.option("--targets", default=None, help="interval:horizon pairs such as 15m:15m,1m:1m.")
@click.pass_obj
def train(environment: Mapping[str, str], stream: str | None, targets: str | None) -> None:
    """Train what has no champion yet, once the history is there, and announce every champion."""
    from schemas.wire.clocks import SystemClock  # noqa: PLC0415
    from schemas.wire.postgres import History  # noqa: PLC0415
    from schemas.wire.processes import stop_on_signals  # noqa: PLC0415
    from trainers.jobs.announcing import Announcements  # noqa: PLC0415
    from trainers.jobs.registries import registry_of  # noqa: PLC0415
    from trainers.jobs.train import Plan, Training  # noqa: PLC0415
    from trainers.jobs.waiting import import_meanwhile  # noqa: PLC0415
    from trainers.models.gradient_boosting import BoostingParameters, import_libraries  # noqa: PLC0415
    from trainers.settings import TrainerSettings  # noqa: PLC0415

    settings = TrainerSettings.from_environment(environment, stream=stream, targets=targets)
    plan = Plan(
        stream=settings.required_stream(),
        targets=settings.parsed_targets(),
        parameters=BoostingParameters(seed=settings.train_seed),
        n_folds=settings.train_folds,
        minimum_rows=settings.train_minimum_rows,
        patience_s=settings.train_patience_s,
        code_version=_code_version(),
    )
    endpoints = settings.endpoints()
    stop = stop_on_signals()
    import_meanwhile(import_libraries)
    history = History(endpoints.database_url)
    history.open()
    try:
        Training(
            plan,
            history=history,
            registry=registry_of(settings),
            announce=Announcements(endpoints.kafka),
            clock=SystemClock(),
            report=_report(),
            stop=stop,
        ).run()
    finally:
        history.close()


def _report() -> Any:
    from trainers.jobs.reports import PlainReport, TerminalReport  # noqa: PLC0415

    return TerminalReport() if sys.stdout.isatty() else PlainReport()


def _code_version() -> str:
    """The distribution's version, with git's description of the checkout where there is one."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    from trainers.jobs.checkouts import described_checkout  # noqa: PLC0415

    try:
        number = version(_VERSION_OF)
    except PackageNotFoundError:
        number = "0+unknown"
    described = described_checkout()
    return number if described is None else f"{number}+{described}"


commands.add_command(backtest)
commands.add_command(models)
