"""The commands of trainers. A command imports what it runs, so that ``--help`` stays quick."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from producers.jobs.reading_options import CLOSE_STAMPED, NO_TRADE, reading
from trainers.commands.backtests import backtest
from trainers.commands.features import features
from trainers.commands.models import models
from trainers.commands.quality import quality
from trainers.commands.questions import FILE, FOLDER, NEW_FILE, NEWS_DELAY, asking
from trainers.commands.searches import search
from trainers.commands.sentiment import sentiment

_VERSION_OF = "driftline"


@click.group()
def commands() -> None:
    """Train models, judge them, and manage versions."""


@commands.command()
@click.option("--stream", default=None, help="The run to train on. Default: DRIFTLINE_STREAM.")
@click.option("--targets", default=None, help="Pairs of interval and horizon, such as 15m:15m,1m:1m.")
@click.pass_obj
def train(environment: Mapping[str, str], stream: str | None, targets: str | None) -> None:
    """Train the targets without a champion, once the history is stored, and announce every champion.

    A version whose leak alarm rings is stored and not promoted; `driftline models promote` confirms it.
    """
    from schemas.wire.clocks import SystemClock
    from schemas.wire.postgres.features import StoredFeatures
    from schemas.wire.postgres.pools import PostgresPool
    from schemas.wire.postgres.streams import StoredStreams
    from schemas.wire.processes import stop_on_signals
    from trainers.commands.fit_options import fit_options_of
    from trainers.inputs.registries import registry_of
    from trainers.inputs.waiting import import_meanwhile
    from trainers.jobs.announcing import Announcements
    from trainers.jobs.train import TrainingJob, TrainingPlan
    from trainers.models.gradient_boosting import import_libraries
    from trainers.settings import TrainerSettings

    settings = TrainerSettings.from_environment(environment, stream=stream, targets=targets)
    plan = TrainingPlan(
        stream=settings.required_stream(),
        targets=settings.parsed_targets(),
        options=fit_options_of(settings),
        minimum_rows=settings.train_minimum_rows,
        patience_s=settings.train_patience_s,
        code_version=_code_version(),
        companions=settings.parsed_companions(),
    )
    endpoints = settings.endpoints()
    stop = stop_on_signals()
    import_meanwhile(import_libraries)
    with PostgresPool(endpoints.database_url) as pool:
        TrainingJob(
            plan,
            streams=StoredStreams(pool),
            features=StoredFeatures(pool),
            live_features=lambda: _minute_features(pool, plan.companions),
            registry=registry_of(settings),
            announce=Announcements(endpoints.kafka),
            clock=SystemClock(),
            report=_report(),
            stop=stop,
        ).run()


def _minute_features(pool: Any, companions: Mapping[str, Any]) -> Any:
    """Imports the compiled kernels only for the runs that need them."""
    from trainers.inputs.minute_features import MinuteFeatures

    return MinuteFeatures(pool, companions=companions)


@commands.command()
@click.option(
    "--stream", default=None, help="Learn from this run only. Default: DRIFTLINE_STREAM, or every run."
)
@click.option(
    "--models",
    default=None,
    help="The models, such as online-logistic,online-adaptive-tree. Default: DRIFTLINE_ONLINE_MODELS.",
)
@click.option("--targets", default=None, help="Pairs of interval and horizon, such as 15m:15m,1m:1m.")
@click.pass_obj
def learn(
    environment: Mapping[str, str], stream: str | None, models: str | None, targets: str | None
) -> None:
    """Learn from the running market, each row when its label is known, and publish new versions."""
    from schemas.wire.processes import stop_on_signals
    from trainers.online.learner import run_learner
    from trainers.settings import TrainerSettings

    settings = TrainerSettings.from_environment(
        environment, stream=stream, online_models=models, online_targets=targets
    )
    run_learner(settings, code_version=_code_version(), stop=stop_on_signals())


@commands.command()
@asking
@click.option("--model", help="The name of a recipe. Default: mixture.")
@click.option(
    "--quick", is_flag=True, help="Take a small mixture, which is several times faster and somewhat worse."
)
@click.option(
    "--parameters",
    type=FILE,
    help="A file of `driftline search`: evaluate its model with the parameters found.",
)
@click.option(
    "--search",
    "n_trials",
    type=click.IntRange(min=1),
    help="Search this number of trials before the first refit of each year, on what was known by then.",
)
@click.option("--json", "output", type=NEW_FILE, help="Write the figures to this file.")
@click.option("--save-dataset", type=FOLDER, help="Keep the data set and its manifest in this folder.")
def evaluate(output: Path | None, **options: Any) -> None:
    """Train on the rows before a date, test on the rows after it, and state how good the model was.

    The labels of the walk-forward are purged. Thresholds of selective figures come from earlier
    out-of-sample confidences only. Intervals are 95 %, by circular blocks of seven days.
    """
    from schemas.wire.clocks import SystemClock
    from trainers.commands.evaluation_options import choice_of, files_of, question_of
    from trainers.jobs.evaluate import evaluate_files, write_figures
    from trainers.outputs import check_output
    from trainers.reports.evaluations import evaluation_tables
    from trainers.reports.progress import fitting_progress, print_table, say_written

    check_output(output, "--json")
    with fitting_progress("fitting") as progress:
        figures = evaluate_files(
            files_of(options),
            question_of(options),
            **choice_of(options)._asdict(),
            clock=SystemClock(),
            progress=progress,
            dataset_folder=options["save_dataset"],
        )
    if output is not None:
        write_figures(figures, output)
    for table in evaluation_tables(figures):
        print_table(table)
    say_written(output, options["save_dataset"])


@commands.command()
@asking
@click.option("--models", required=True, help="The names of two or more recipes, the simplest first: a,b,c.")
@click.option(
    "--parameters",
    type=FILE,
    multiple=True,
    help="A file of `driftline search`: its model with the parameters found is a further candidate.",
)
@click.option("--html", "page", type=NEW_FILE, help="Write the page with charts to this file.")
@click.option("--json", "output", type=NEW_FILE, help="Write the figures to this file.")
def compare(
    models: str, parameters: tuple[Path, ...], page: Path | None, output: Path | None, **options: Any
) -> None:
    """Judge several models on the same decisions, and state which differences are noise."""
    from trainers.commands.evaluation_options import files_of, question_of
    from trainers.jobs.compare import compared, comparison_tables, write_page
    from trainers.jobs.evaluate import write_figures
    from trainers.outputs import check_output
    from trainers.reports.progress import fitting_progress, print_table, say_written

    check_output(output, "--json")
    check_output(page, "--html")
    with fitting_progress("fitting") as progress:
        comparison = compared(
            files_of(options),
            question_of(options),
            models=models.split(","),
            parameters=parameters,
            progress=progress,
        )
    if output is not None:
        write_figures(comparison.summary(), output)
    if page is not None:
        write_page(comparison, page)
    for words in comparison.warnings:
        click.echo(f"warning: {words}", err=True)
    for table in comparison_tables(comparison):
        print_table(table)
    click.echo(f"rule: {comparison.rule}")
    say_written(output, page)


@commands.command()
@click.option("--bars", type=FILE, help="Candles on which the registered features are computed.")
@click.option(
    "--dataset",
    type=FILE,
    help="Audit the stored data set of this manifest instead; with --bars it is computed again and compared.",
)
@click.option(
    "--bars-eth", type=FILE, help="With --dataset and --bars: the file that the data set was made with."
)
@click.option("--perp", type=FILE, help="As --bars-eth, for the perpetual.")
@click.option("--news", type=FILE, help="As --bars-eth, for the articles.")
@NEWS_DELAY
@click.option("--outcomes", type=FILE, help="As --bars-eth, for the outcomes.")
@click.option("--also", metavar="INTERVALS", help="The further intervals of the data set.")
@click.option("--interval", help="The interval of the bars. Default: the file's.")
@click.option("--feature", "features", multiple=True, help="Audit only this feature; may be repeated.")
@click.option(
    "--tolerance",
    default=1e-6,
    show_default=True,
    help="The relative difference that the warm-up check and values computed again may have.",
)
@reading(NO_TRADE, CLOSE_STAMPED)
def audit(
    dataset: Path | None, interval: str | None, features: tuple[str, ...], tolerance: float, **options: Any
) -> None:
    """Find features that know the future, or that depend on where the data begin, and state by how much.

    A stored data set is judged by what each column tells of the next return, alone and given the other columns.
    With the files that it was made of, every column and label is computed again, and any difference is
    found. The command also states what it could have found.

    Recursive averages (Wilder's and exponential averages) remember every bar with falling weight. What is left
    of the beginning of the data after their warm-up is listed apart, as expected: it fades, and is no
    knowledge of the future.

    The exit status is 1 if anything else was found.
    """
    from schemas.errors import ConfigurationError
    from trainers.commands.evaluation_options import also_of, files_of, interval_of, reading_of
    from trainers.jobs.audit import audited_dataset, audited_features, findings_tables
    from trainers.reports.progress import print_table

    bars: Path | None = options["bars"]
    if dataset is not None:
        files = None if bars is None else files_of(options)
        audited = audited_dataset(dataset, files=files, also=also_of(options["also"]), tolerance=tolerance)
    elif bars is not None:
        audited = audited_features(
            bars,
            interval=interval_of(interval),
            names=features,
            tolerance=tolerance,
            reading=reading_of(options),
        )
    else:
        message = "--bars or --dataset must name what to audit, and neither was given"
        raise ConfigurationError(message)
    for table in findings_tables(audited.findings):
        print_table(table)
    for note in audited.notes:
        click.echo(f"- {note}")
    if not all(finding.is_expected for finding in audited.findings):
        sys.exit(1)


def _report() -> Any:
    from trainers.reports.progress import PlainReport, TerminalReport

    return TerminalReport() if sys.stdout.isatty() else PlainReport()


def _code_version() -> str:
    """The version of the distribution, with git's description of the checkout if there is one."""
    from importlib.metadata import PackageNotFoundError, version

    from trainers.inputs.checkouts import described_checkout

    try:
        number = version(_VERSION_OF)
    except PackageNotFoundError:
        number = "0+unknown"
    described = described_checkout()
    return number if described is None else f"{number}+{described}"


commands.add_command(backtest)
commands.add_command(features)
commands.add_command(models)
commands.add_command(quality)
commands.add_command(search)
commands.add_command(sentiment)
