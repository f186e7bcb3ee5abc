"""Makes tables of what a search found: the parameters, and their losses beside those of the declared ones."""

import numpy as np
from rich.table import Table

from schemas.time import text_of_time
from trainers.jobs.search import FinishedSearch
from trainers.selection.searching import Searched


def search_tables(searched: Searched) -> list[Table]:
    """Makes the table of the chosen parameters and that of the losses in the inner folds."""
    return [_choice(searched), _folds(searched)]


def _choice(searched: Searched) -> Table:
    until = text_of_time(searched.searched_until_ms, "day")
    table = Table(
        title=f"{searched.model}: {searched.n_trials} trials, {searched.n_pruned} of them pruned, on what was "
        f"known by {until}"
    )
    for column in ("parameter", "found", "declared"):
        table.add_column(column)
    declared = searched.trials[0].parameters
    for name, value in searched.parameters.items():
        table.add_row(name, f"{value:.5g}", f"{declared[name]:.5g}")
    return table


def _folds(searched: Searched) -> Table:
    """The losses by inner fold. The title says that the best of many looks better than it is."""
    table = Table(
        title=f"{searched.plan.objective} by inner fold; the best of {searched.n_trials} looks better than it is: "
        "`driftline compare --parameters` tells on later data"
    )
    for column in ("", "mean", *(str(i + 1) for i in range(len(searched.folds)))):
        table.add_column(column)
    best = min(
        (trial for trial in searched.trials if trial.state == "complete"),
        key=lambda trial: float(np.mean(trial.scores)),
    )
    for name, scores in (("found", best.scores), ("declared", searched.trials[0].scores)):
        table.add_row(name, f"{np.mean(scores):.5f}", *(f"{score:.5f}" for score in scores))
    return table


def ending(ended: FinishedSearch, *, n_trials: int) -> str:
    """States in one line how far an interrupted search came."""
    n_done = 0 if ended.searched is None else ended.searched.n_trials
    return f"interrupted at trial {n_done} of {n_trials}: the same command goes on from there"
