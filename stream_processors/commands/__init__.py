"""The stream processors' part of the command line."""

from collections.abc import Mapping

import click

from schemas.wire.processes import stop_on_signals
from stream_processors.commands.alerts import alerts
from stream_processors.commands.dead_letters import dead_letters
from stream_processors.commands.topics import tail, topics
from stream_processors.settings import ProcessorSettings


@click.group(help="Stream processors: topics in, topics and views out.")
def commands() -> None:
    """The group; each job is a command."""


@commands.command()
@click.pass_obj
def market(environment: Mapping[str, str]) -> None:
    """Ticks and candles to bars and features."""
    from stream_processors.jobs.market import run_market

    run_market(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def vectors(environment: Mapping[str, str]) -> None:
    """Features of instruments and of their companions to vectors."""
    from stream_processors.jobs.vectors import run_vectors

    run_vectors(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def outcomes(environment: Mapping[str, str]) -> None:
    """Predictions and bars to outcomes."""
    from stream_processors.jobs.outcomes import run_outcomes

    run_outcomes(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def history(environment: Mapping[str, str]) -> None:
    """Every event of the log into Postgres."""
    from stream_processors.jobs.history import run_history

    run_history(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def monitor(environment: Mapping[str, str]) -> None:
    """Dead letters, lag and progress: as metrics, and alerts when they are not well."""
    from stream_processors.jobs.monitor import run_monitor

    run_monitor(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command("compile-kernel")
def compile_kernel() -> None:
    """Compile the kernels once, so that no first start has to."""
    from stream_processors.features.batch import warm_up
    from stream_processors.features.vectors import warm_up_vectors
    from stream_processors.operators.ticks.warming import warm_up_ticks

    warm_up()
    warm_up_vectors()
    warm_up_ticks()


commands.add_command(alerts)
commands.add_command(dead_letters)
commands.add_command(topics)
commands.add_command(tail)
