"""The stream processors' part of the command line."""

from collections.abc import Mapping

import click

from schemas.scorers import ScorerId
from schemas.wire.processes import stop_on_signals
from stream_processors.commands.alerts import alerts
from stream_processors.commands.dead_letters import dead_letters
from stream_processors.commands.store import store
from stream_processors.commands.topics import tail, topics
from stream_processors.settings import ProcessorSettings


@click.group(help="The stream processors: they read topics and write topics and views.")
def commands() -> None:
    """Group the commands; each job is one of them."""


@commands.command()
@click.pass_obj
def market(environment: Mapping[str, str]) -> None:
    """Make bars and features of ticks and candles."""
    from stream_processors.jobs.market import run_market

    run_market(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def vectors(environment: Mapping[str, str]) -> None:
    """Join the features of instruments and of their companions into vectors."""
    from stream_processors.jobs.vectors import run_vectors

    run_vectors(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def outcomes(environment: Mapping[str, str]) -> None:
    """Settle predictions by bars, and publish their outcomes."""
    from stream_processors.jobs.outcomes import run_outcomes

    run_outcomes(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def articles(environment: Mapping[str, str]) -> None:
    """Link copies of articles to the one that was seen first."""
    from stream_processors.jobs.articles import run_articles

    run_articles(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def news(environment: Mapping[str, str]) -> None:
    """Make the news features of assets, one row a minute, of the scores of their articles."""
    from stream_processors.jobs.news import run_news
    from stream_processors.sentiment.opening import open_scorers

    def opened() -> list[ScorerId]:
        return [scorer.id for scorer in open_scorers(environment).scorers]

    run_news(ProcessorSettings.from_environment(environment), stop_on_signals(), opened=opened)


@commands.command()
@click.pass_obj
def sentiment(environment: Mapping[str, str]) -> None:
    """Score articles by every scorer that runs."""
    from stream_processors.agents.sentiment import run_sentiment

    run_sentiment(environment, stop_on_signals())


@commands.command()
@click.pass_obj
def history(environment: Mapping[str, str]) -> None:
    """Write every event of the log into Postgres."""
    from stream_processors.jobs.history import run_history

    run_history(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command()
@click.pass_obj
def monitor(environment: Mapping[str, str]) -> None:
    """Watch dead letters, lag, progress and the disk: show metrics and raise alerts."""
    from stream_processors.jobs.monitor import run_monitor

    run_monitor(ProcessorSettings.from_environment(environment), stop_on_signals())


@commands.command("compile-kernel")
def compile_kernel() -> None:
    """Compile the kernels once, so that no job has to compile them at its start."""
    from stream_processors.features.batch import warm_up
    from stream_processors.features.news_tables import warm_up_news
    from stream_processors.features.vectors import warm_up_vectors
    from stream_processors.operators.ticks.warming import warm_up_ticks

    warm_up()
    warm_up_vectors()
    warm_up_news()
    warm_up_ticks()


commands.add_command(alerts)
commands.add_command(dead_letters)
commands.add_command(store)
commands.add_command(topics)
commands.add_command(tail)
