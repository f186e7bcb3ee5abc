"""The trainers' part of the command line. Heavy imports wait until a command runs."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from trainers.commands.backtests import backtest

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
    from trainers.jobs.train import Plan, Training  # noqa: PLC0415
    from trainers.jobs.waiting import import_meanwhile  # noqa: PLC0415
    from trainers.models.gradient_boosting import BoostingParameters, import_libraries  # noqa: PLC0415
    from trainers.registry.folders import FolderRegistry  # noqa: PLC0415
    from trainers.settings import REGISTRY_FOLDER, TrainerSettings  # noqa: PLC0415

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
            registry=FolderRegistry(settings.data_dir / REGISTRY_FOLDER),
            announce=Announcements(endpoints.kafka),
            clock=SystemClock(),
            report=_report(),
            stop=stop,
        ).run()
    finally:
        history.close()


@commands.group()
def models() -> None:
    """Look at the versions in the registry."""


@models.command(name="list")
@click.pass_obj
def list_versions(environment: Mapping[str, str]) -> None:
    """Every version with its out-of-sample accuracy, the baselines' beside it."""
    from trainers.jobs.tables import versions_table  # noqa: PLC0415

    registry = _registry(environment)
    _print(versions_table(registry.versions(), registry.ledger()))


@models.command()
@click.argument("version")
@click.pass_obj
def show(environment: Mapping[str, str], version: str) -> None:
    """One version: what it was made of, its figures with their intervals, its promotions."""
    from trainers.jobs.tables import version_tables  # noqa: PLC0415

    registry = _registry(environment)
    manifest = registry.load(version).manifest
    for table in version_tables(manifest, [line for line in registry.ledger() if line.version == version]):
        _print(table)


def _registry(environment: Mapping[str, str]) -> Any:
    from trainers.registry.folders import FolderRegistry  # noqa: PLC0415
    from trainers.settings import REGISTRY_FOLDER, TrainerSettings  # noqa: PLC0415

    settings = TrainerSettings.from_environment(environment)
    return FolderRegistry(settings.data_dir / REGISTRY_FOLDER)


def _print(table: Any) -> None:
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)


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
