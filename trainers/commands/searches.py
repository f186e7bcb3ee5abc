"""The command that searches parameters. It imports what it runs, so that ``--help`` stays quick."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from trainers.commands.questions import NEW_FILE, asking_what_is_known


@click.command()
@asking_what_is_known
@click.option("--model", required=True, help="The name of the recipe: xgboost, lightgbm, logistic and so on.")
@click.option(
    "--trials",
    "n_trials",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="The number of all trials.",
)
@click.option(
    "--objective",
    type=click.Choice(["log-loss", "selective"]),
    default="log-loss",
    show_default=True,
    help="What the search minimises. selective: the misses among the most confident decisions.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="The most confident share of decisions, for the objective selective.",
)
@click.option(
    "--pruner",
    "pruning",
    type=click.Choice(["median", "halving", "none"]),
    default="median",
    show_default=True,
    help="By which rule a trial is stopped after some inner folds.",
)
@click.option(
    "--inner-folds",
    "n_folds",
    type=click.IntRange(min=2, max=20),
    default=4,
    show_default=True,
    help="The folds of the walk-forward inside the training data.",
)
@click.option(
    "--json",
    "output",
    type=NEW_FILE,
    required=True,
    help="Write the parameters and the evidence to this file.",
)
@click.option("--journal", type=NEW_FILE, help="Keep every step in this file. Default: beside the JSON.")
@click.pass_context
def search(context: click.Context, /, output: Path, journal: Path | None, **options: Any) -> None:
    """Search a model's parameters on the rows before --train-until, by a purged walk-forward inside them.

    After a kill or an interruption the same command continues. Every trial counts as a configuration
    tried when `driftline evaluate --parameters` judges the parameters found.
    """
    from trainers.commands.evaluation_options import files_of, known_question_of, plan_of
    from trainers.inputs.parameters import write_searched
    from trainers.jobs.search import search_files
    from trainers.outputs import check_output
    from trainers.reports.progress import print_table, say_written, searching_progress
    from trainers.reports.searches import ending, search_tables

    check_output(output, "--json")
    plan = plan_of(options)
    with searching_progress(f"searching {options['model']}") as told:
        ended = search_files(
            files_of(options),
            known_question_of(options),
            plan,
            model=options["model"],
            journal=journal or output.with_suffix(".journal"),
            told=told,
            say=partial(click.echo, err=True),
        )
    if ended.searched is not None:
        write_searched(ended.searched, output)
        for table in search_tables(ended.searched):
            print_table(table)
        say_written(output)
    if ended.is_interrupted:
        click.echo(ending(ended, n_trials=plan.n_trials), err=True)
        context.exit(130)
