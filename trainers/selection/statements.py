"""Checks whether a stated search agrees with itself: its counts and its choice with its own trials and folds."""

from collections.abc import Callable, Sequence

import numpy as np

from trainers.selection.searching import DECIDING_FOLDS, Searched, TrialRecord

_COMPLETE, _PRUNED, _RUNNING = "complete", "pruned", "running"
#: The least and the most folds of a trial, by its state and the number of folds.
_FOLDS_BY_STATE: dict[str, Callable[[int], tuple[int, int]]] = {
    _COMPLETE: lambda n: (n, n),
    _PRUNED: lambda n: (DECIDING_FOLDS, n - 1),
    _RUNNING: lambda n: (0, n),
}


def contradiction(searched: Searched) -> str | None:
    """Returns what a stated search says against its own trials and folds; None if everything agrees."""
    return _of_trials(searched.trials, len(searched.folds)) or _of_counts(searched) or _of_folds(searched)


def _of_trials(trials: Sequence[TrialRecord], n_folds: int) -> str | None:
    if not trials or any(trial.number != number for number, trial in enumerate(trials)):
        return f"its trials are numbered {', '.join(str(trial.number) for trial in trials) or 'not at all'}"
    for trial in trials:
        if trial.state not in _FOLDS_BY_STATE:
            return f"trial {trial.number} is {trial.state!r}"
        least, most = _FOLDS_BY_STATE[trial.state](n_folds)
        if not least <= len(trial.scores) <= most:
            return f"trial {trial.number} is {trial.state} after {len(trial.scores)} of {n_folds} folds"
        if not np.isfinite([*trial.scores, *trial.parameters.values()]).all():
            return f"trial {trial.number} has a loss or a parameter that is not a number"
    return None if any(trial.state == _COMPLETE for trial in trials) else "none of its trials is complete"


def _of_counts(searched: Searched) -> str | None:
    trials = searched.trials
    complete = [trial for trial in trials if trial.state == _COMPLETE]
    best = min(complete, key=lambda trial: float(np.mean(trial.scores)))
    found = {
        "n_trials": len(trials),
        "n_pruned": sum(trial.state == _PRUNED for trial in trials),
        "parameters": best.parameters,
        "score": float(np.mean(best.scores)),
        "declared_score": float(np.mean(trials[0].scores)),
    }
    for name, value in found.items():
        if getattr(searched, name) != value:
            return f"it states {name} {getattr(searched, name)}, and its trials give {value}"
    return None


def _of_folds(searched: Searched) -> str | None:
    if any(fold["last_tested_ms"] >= searched.searched_until_ms for fold in searched.folds):
        return "one of its folds was tested later than the date of the search"
    return None
