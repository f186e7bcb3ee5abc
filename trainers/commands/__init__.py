"""The trainers' part of the command line. Heavy imports wait until a command runs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trainers.commands.backtests import backtest
from trainers.commands.models import models
from trainers.commands.questions import FILE, FOLDER, NEW_FILE, asking
from trainers.commands.searches import search

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
            registry=registry_of(settings),
            announce=Announcements(endpoints.kafka),
            clock=SystemClock(),
            report=_report(),
            stop=stop,
        ).run()


@commands.command()
@click.option("--stream", default=None, help="Only this run; by default DRIFTLINE_STREAM, or every run.")
@click.option("--models", default=None, help="Such as online-logistic,online-adaptive-tree.")
@click.option("--targets", default=None, help="interval:horizon pairs such as 15m:15m,1m:1m.")
@click.pass_obj
def learn(
    environment: Mapping[str, str], stream: str | None, models: str | None, targets: str | None
) -> None:
    """Learn from the running market, each row once its label is known, and publish new versions."""
    from schemas.wire.processes import stop_on_signals
    from trainers.online.learner import run_learner
    from trainers.settings import TrainerSettings

    settings = TrainerSettings.from_environment(
        environment, stream=stream, online_models=models, online_targets=targets
    )
    run_learner(settings, code_version=_code_version(), stop=stop_on_signals())


@commands.command()
@asking
@click.option("--model", help="A recipe's name; by default the mixture.")
@click.option("--quick", is_flag=True, help="A small mixture, several times faster and somewhat worse.")
@click.option("--parameters", type=FILE, help="What `driftline search` wrote: its model, with what it found.")
@click.option(
    "--search",
    "n_trials",
    type=click.IntRange(min=1),
    help="Search so many trials before the first refit of each year, on what was known by then.",
)
@click.option("--json", "output", type=NEW_FILE, help="Where the figures go.")
@click.option("--save-dataset", type=FOLDER, help="A folder to keep the data set in, with its manifest.")
def evaluate(output: Path | None, **options: Any) -> None:
    """Train on what lies before a date, test on what lies after, and say how good it really was.

    Walk-forward with purged labels; thresholds for selective figures come from earlier
    out-of-sample confidences only; intervals are 95 % by circular blocks of seven days.
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
@click.option("--models", required=True, help="Two or more recipes' names, the simplest first: a,b,c.")
@click.option(
    "--parameters",
    type=FILE,
    multiple=True,
    help="What `driftline search` wrote: its model with what it found is a candidate too, the last.",
)
@click.option("--html", "page", type=NEW_FILE, help="Where the page with pictures goes.")
@click.option("--json", "output", type=NEW_FILE, help="Where the figures go.")
def compare(
    models: str, parameters: tuple[Path, ...], page: Path | None, output: Path | None, **options: Any
) -> None:
    """Judge several models on the same decisions, and say which differences are noise."""
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
@click.option("--bars", type=FILE, help="Candles (parquet or CSV) to compute the registered features on.")
@click.option(
    "--dataset",
    type=FILE,
    help="A stored data set's manifest, to audit instead; with --bars it is made anew and compared.",
)
@click.option("--bars-eth", type=FILE, help="With --dataset and --bars: as it was made with.")
@click.option("--perp", type=FILE, help="Likewise.")
@click.option("--news", type=FILE, help="Likewise.")
@click.option("--outcomes", type=FILE, help="Likewise.")
@click.option("--also", metavar="INTERVALS", help="Likewise.")
@click.option("--interval", help="Of the bars; by default the file's.")
@click.option("--feature", "features", multiple=True, help="Audit only this one; may be repeated.")
@click.option(
    "--tolerance",
    default=1e-6,
    show_default=True,
    help="Of the warm-up check and of values made anew, as a relative difference.",
)
def audit(
    dataset: Path | None, interval: str | None, features: tuple[str, ...], tolerance: float, **options: Any
) -> None:
    """Say which features know the future or hang on where the data begin, and by how much.

    A stored data set is judged by what each column tells of the next return, alone and given the others;
    with the files it was made of, every column and label is made anew, and any difference is found.
    What could have been found is said too.

    Recursive averages (Wilder's, exponential ones) remember every bar, ever less of it. What is left
    of the data's beginning after their warm-up is listed apart, as expected: it fades, and is no
    knowledge of the future.

    Ends with status 1 when anything else was found.
    """
    from schemas.errors import ConfigurationError
    from trainers.commands.evaluation_options import also_of, files_of, interval_of
    from trainers.jobs.audit import audited_dataset, audited_features, findings_tables
    from trainers.reports.progress import print_table

    bars: Path | None = options["bars"]
    if dataset is not None:
        files = None if bars is None else files_of(options)
        audited = audited_dataset(dataset, files=files, also=also_of(options["also"]), tolerance=tolerance)
    elif bars is not None:
        audited = audited_features(bars, interval=interval_of(interval), names=features, tolerance=tolerance)
    else:
        message = "--bars or --dataset must name what to audit, neither was given"
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
    """The distribution's version, with git's description of the checkout where there is one."""
    from importlib.metadata import PackageNotFoundError, version

    from trainers.inputs.checkouts import described_checkout

    try:
        number = version(_VERSION_OF)
    except PackageNotFoundError:
        number = "0+unknown"
    described = described_checkout()
    return number if described is None else f"{number}+{described}"


commands.add_command(backtest)
commands.add_command(models)
commands.add_command(search)
