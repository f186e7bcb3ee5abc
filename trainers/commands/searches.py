"""The command that searches parameters. Heavy imports wait until it runs."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from trainers.commands.questions import NEW_FILE, asking_what_is_known


@click.command()
@asking_what_is_known
@click.option("--model", required=True, help="The recipe's name: xgboost, lightgbm, logistic and so on.")
@click.option(
    "--trials", "n_trials", type=click.IntRange(min=1), default=40, show_default=True, help="In all."
)
@click.option(
    "--objective",
    type=click.Choice(["log-loss", "selective"]),
    default="log-loss",
    show_default=True,
    help="What is made small; selective: misses among the most confident.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="The most confident share that selective looks at.",
)
@click.option(
    "--pruner",
    "pruning",
    type=click.Choice(["median", "halving", "none"]),
    default="median",
    show_default=True,
    help="How a trial is given up after some inner folds.",
)
@click.option("--inner-folds", "n_folds", type=click.IntRange(min=2, max=20), default=4, show_default=True)
@click.option("--json", "output", type=NEW_FILE, required=True, help="Where parameters and evidence go.")
@click.option("--journal", type=NEW_FILE, help="Where every step is kept; by default beside the JSON.")
@click.pass_context
def search(context: click.Context, /, output: Path, journal: Path | None, **options: Any) -> None:
    """Search a model's parameters on what lies before --train-until, by purged walk-forward inside it.

    Killed or interrupted, the same command goes on where it was. Every trial counts as a configuration
    tried when `driftline evaluate --parameters` judges what was found.
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
