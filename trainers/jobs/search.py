"""The job of ``driftline search``: it searches parameters of a recipe on what was known at a date."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from schemas.errors import ConfigurationError
from trainers.inputs.evaluation_files import EvaluationFiles, decisions_of_files
from trainers.inputs.journals import STUDY, opened_journal
from trainers.inputs.parameters import check_searchable
from trainers.selection.searching import Search, Searched, SearchPlan, SearchProgress, new_study
from trainers.training.evaluating import Question

_IDENTITY = "identity"


class FinishedSearch(NamedTuple):
    """How a search ended.

    Attributes:
        searched: What it found; None if no trial was finished.
        is_interrupted: Whether Ctrl-C ended it; the journal holds what was done.
    """

    searched: Searched | None
    is_interrupted: bool


def search_files(
    files: EvaluationFiles,
    question: Question,
    plan: SearchPlan,
    *,
    model: str,
    journal: Path,
    told: Callable[[SearchProgress], None] | None = None,
    say: Callable[[str], None] = lambda _words: None,
) -> FinishedSearch:
    """Searches, or continues a search that was interrupted or killed.

    Args:
        files: The files; rows after the question's date are never used.
        question: The interval, the horizon and the date.
        plan: How to search.
        model: The recipe's name.
        journal: The file in which every step is kept.
        told: Is told after each trial.
        say: Is told what is wrong with the files, and what a crash left of the journal.

    Raises:
        ConfigurationError: If a file, a name or a date cannot be used, or if the journal is damaged or belongs to
            another search.
    """
    check_searchable(model)
    decisions, recipes, warnings, _ = decisions_of_files(files, question, [model])
    for words in warnings:
        say(f"warning: {words}")
    search = Search(decisions, recipes[model], plan, model=model, until_ms=question.train_until_ms)
    with opened_journal(journal, say=say) as storage:
        study = new_study(plan, storage=storage, name=STUDY)
        _check_same(study, search, journal)
        return _run(study, search, question.n_workers, told)


def _run(
    study: object, search: Search, n_workers: int, told: Callable[[SearchProgress], None] | None
) -> FinishedSearch:
    pool = ThreadPoolExecutor(n_workers)
    try:
        search.run(study, mapper=pool.map if n_workers > 1 else map, told=told)
    except KeyboardInterrupt:
        return FinishedSearch(search.result(study), is_interrupted=True)
    except (OSError, RuntimeError) as error:
        if not _was_interrupted(error):
            raise
        return FinishedSearch(search.result(study), is_interrupted=True)
    finally:
        pool.shutdown(cancel_futures=True)
    return FinishedSearch(search.result(study), is_interrupted=False)


def _was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C led to an error: Optuna's lock of the journal raises one of its own if it is interrupted."""
    before = error.__context__
    return before is not None and (isinstance(before, KeyboardInterrupt) or _was_interrupted(before))


def _check_same(study: object, search: Search, journal: Path) -> None:
    """Refuses the journal of another search: trials on other data or from other draws cannot be compared."""
    attributes = study.user_attrs  # type: ignore[attr-defined]
    trials = study.trials  # type: ignore[attr-defined]
    if _IDENTITY not in attributes and not trials:
        study.set_user_attr(_IDENTITY, search.identity())  # type: ignore[attr-defined]
    elif attributes.get(_IDENTITY) != search.identity():
        message = (
            f"--journal {journal} must belong to this search, and belongs to another one (model, date, data, objective, "
            "pruning, folds or seed differ): name another journal, or remove this one"
        )
        raise ConfigurationError(message)
    wrong = search.spoilt(study)
    if wrong is not None:
        message = f"--journal {journal} must be whole, {wrong}: name another journal, or remove this one"
        raise ConfigurationError(message)
