"""Searches parameters with Optuna over the inner folds of one refit, and counts every trial.

Trials are drawn one after the other, each from a seed of its own (the plan's seed and the trial's number)
and from the trials before it. So a search that was killed continues as if it had not been killed: Optuna
keeps trials but not the state of the sampler, and would draw the first trials again. A trial that
was running continues at the fold that it had reached. The first trial is the recipe as it is declared, so
a search is never worse on the inner folds, and shows by how much it is better.

The caller decides how folds are mapped (in order, or over threads); it changes no result.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas.time import text_of_time
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.stored import content_hash
from trainers.models.recipes import Recipe
from trainers.models.spaces import ParameterRange, declared_parameters, space_of, with_parameters
from trainers.selection.inner import Objective, fold_scorer, inner_folds

_SCORES = "scores"
#: The number of trials that run to their end before a trial may be pruned.
_UNPRUNED_TRIALS = 5
#: The folds that every trial gets, because one fold alone says too little.
DECIDING_FOLDS = 2


class Pruning(StrEnum):
    """The rule by which a trial is stopped before its last fold."""

    MEDIAN = "median"
    HALVING = "halving"
    NONE = "none"


class SearchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to search.

    Attributes:
        n_trials: The number of all trials, with those of an earlier run; the first is the recipe as declared.
        objective: The loss that is minimised.
        coverage: The most confident share of decisions, for a selective objective.
        pruning: ``median`` stops trials that are worse than the median of finished trials after the same number of
            folds; ``halving`` keeps the better half at two folds, four folds and so on.
        n_folds: The number of inner folds.
        seed: The seed of the draws.
        is_weighted: Whether overlapping labels share their weight.
    """

    n_trials: int = 40
    objective: Objective = Objective.LOG_LOSS
    coverage: float = 0.1
    pruning: Pruning = Pruning.MEDIAN
    n_folds: int = 4
    seed: int = 0
    is_weighted: bool = False


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, as it is stored in the evidence.

    Attributes:
        number: Its place among the trials.
        state: ``complete``, ``pruned``, or ``running`` if the search was interrupted in it.
        parameters: Its parameters by name.
        scores: Its loss on each inner fold that it got.
    """

    number: int
    state: str
    parameters: dict[str, float]
    scores: tuple[float, ...]


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen parameters, with the evidence for them.

    Attributes:
        model: The recipe's name on the command line.
        parameters: The parameters of the complete trial with the smallest mean loss.
        score, declared_score: The mean losses over the inner folds of the chosen and of the declared parameters. The
            first is the best of many and therefore looks better than it is.
        n_trials: The number of trials that began; each is a configuration tried.
        searched_until_ms: The search saw nothing that was known later.
        data_hash: The hash of the decisions as they were known then.
        folds: For each inner fold the times of the first and the last tested decision, and its numbers of rows.
        trials: Every trial that began.
    """

    model: str
    parameters: dict[str, float]
    score: float
    declared_score: float
    n_trials: int
    n_pruned: int
    plan: SearchPlan
    interval: str
    horizon: str
    searched_until_ms: int
    data_hash: str
    feature_spec_hash: str
    folds: tuple[dict[str, int], ...]
    trials: tuple[TrialRecord, ...]


class _ScoresEndError(Exception):
    """Ends the repetition of a search in the trial that it was interrupted in."""


class SearchProgress(NamedTuple):
    """How far a search is.

    Attributes:
        n_done: The number of finished trials.
        n_trials: The number of all trials.
        n_pruned: The number of pruned trials.
        best: The smallest mean loss of a complete trial; None before there is one.
    """

    n_done: int
    n_trials: int
    n_pruned: int
    best: float | None


#: Applies a function to each fold, lazily or in advance; results come in order. The caller may stop early.
FoldMapper = Callable[[Callable[[Fold], float], Sequence[Fold]], Iterable[float]]


class Search:
    """A search for the parameters of one recipe, at one refit.

    Args:
        decisions: The decisions; everything later than the refit is cut off first.
        recipe: The recipe whose parameters are searched.
        plan: How to search.
        model: The recipe's name on the command line.
        until_ms: The time of the refit.

    Raises:
        ConfigurationError: If there is too little history before the refit.
    """

    def __init__(
        self, decisions: DecisionSet, recipe: Recipe, plan: SearchPlan, *, model: str, until_ms: int
    ) -> None:
        self._known = decisions.known_at(until_ms)
        self._recipe = recipe
        self._plan = plan
        self._model = model
        self._until_ms = until_ms
        self._folds = inner_folds(self._known, until_ms=until_ms, n_folds=plan.n_folds)
        self._data_hash = content_hash(self._known)

    def identity(self) -> str:
        """Returns everything that decides the trials of a search, except their number."""
        plan = msgspec.structs.replace(self._plan, n_trials=0)
        held = (self._model, declared_parameters(self._recipe), plan, self._until_ms, self._data_hash)
        return msgspec.json.encode(held, order="deterministic").decode()

    def run(
        self, study: Any, *, mapper: FoldMapper = map, told: Callable[[SearchProgress], None] | None = None
    ) -> None:
        """Runs until the plan's trials are done; the study keeps every step.

        Args:
            study: A study of :func:`new_study`, new or of an earlier run.
            mapper: Applies a function to the folds.
            told: Is told after each trial.
        """
        while (trial := self._next_trial(study, self._plan.n_trials)) is not None:
            self._run_trial(study, trial, mapper)
            if told is not None:
                told(self.reached(study))

    def spoilt(self, study: Any) -> str | None:
        """Returns what is wrong with the losses in a study; None if the search can continue from them."""
        for trial in study.trials:
            losses = trial.user_attrs.get(_SCORES, [])
            is_list = isinstance(losses, list) and all(isinstance(loss, float) for loss in losses)
            if not is_list or len(losses) > len(self._folds) or not np.isfinite(losses).all():
                return f"trial {trial.number} states losses that no fold gives: {losses!r}"
            if trial.state.name == "COMPLETE" and (
                len(losses) < len(self._folds) or trial.value != float(np.mean(losses))
            ):
                return f"trial {trial.number} is complete with {losses!r} for {len(self._folds)} folds"
        return None

    def repeated(self, trials: Sequence[TrialRecord]) -> Searched | None:
        """Returns what a search over these decisions would have found if every fold had the stated loss.

        Every draw and every pruning is computed again, and nothing is fitted. If a trial was left out, added
        or changed, the later draws differ; the losses themselves are taken as stated.

        Args:
            trials: The trials that a search stated, in order.
        """
        stated = iter(trials)

        def said(_scorer: Callable[[Fold], float], _folds: Sequence[Fold]) -> Iterable[float]:
            yield from next(stated).scores
            raise _ScoresEndError

        study = new_study(self._plan)
        with suppress(_ScoresEndError):
            while (trial := self._next_trial(study, len(trials))) is not None:
                self._run_trial(study, trial, said)
        return self.result(study)

    @property
    def data_hash(self) -> str:
        """The hash of the decisions as they were known at the refit."""
        return self._data_hash

    def reached(self, study: Any) -> SearchProgress:
        """Returns how far the search is."""
        trials = study.trials
        done = [trial.value for trial in trials if trial.state.name == "COMPLETE"]
        n_pruned = sum(trial.state.name == "PRUNED" for trial in trials)
        return SearchProgress(len(done) + n_pruned, self._plan.n_trials, n_pruned, min(done, default=None))

    def result(self, study: Any) -> Searched | None:
        """Returns the choice and the evidence; None before a trial is complete."""
        begun = [_record(trial) for trial in study.trials if trial.state.name != "WAITING"]
        complete = [trial for trial in begun if trial.state == "complete"]
        if not complete:
            return None
        best = min(complete, key=lambda trial: float(np.mean(trial.scores)))
        return Searched(
            model=self._model,
            parameters=best.parameters,
            score=float(np.mean(best.scores)),
            declared_score=float(np.mean(begun[0].scores)),
            n_trials=len(begun),
            n_pruned=sum(trial.state == "pruned" for trial in begun),
            plan=self._plan,
            interval=str(self._known.interval),
            horizon=str(self._known.horizon),
            searched_until_ms=self._until_ms,
            data_hash=self._data_hash,
            feature_spec_hash=self._known.feature_spec_hash,
            folds=tuple(self._stated(fold) for fold in self._folds),
            trials=tuple(begun),
        )

    def _next_trial(self, study: Any, n_trials: int) -> Any | None:
        import optuna

        trials = study.trials
        number = sum(trial.state.is_finished() for trial in trials)
        study.sampler = _sampler(self._plan.seed, number)
        under_way = [trial for trial in trials if trial.state.name == "RUNNING"]
        if under_way:
            return optuna.trial.Trial(study, under_way[0]._trial_id)  # noqa: SLF001  (Optuna offers no public name)
        if number >= n_trials:
            return None
        if not trials:
            study.enqueue_trial(declared_parameters(self._recipe))
        return study.ask()

    def _run_trial(self, study: Any, trial: Any, mapper: FoldMapper) -> None:
        import optuna

        space = space_of(self._recipe)
        parameters = {name: _drawn(trial, name, limits) for name, limits in space.items()}
        scorer = fold_scorer(
            self._known,
            with_parameters(self._recipe, parameters),
            objective=self._plan.objective,
            coverage=self._plan.coverage,
            is_weighted=self._plan.is_weighted,
        )
        scores = list(trial.user_attrs.get(_SCORES, ()))
        fresh = iter(mapper(scorer, self._folds[len(scores) :]))
        try:
            for step in range(1, len(self._folds) + 1):
                if len(scores) < step:
                    scores.append(next(fresh))
                    trial.set_user_attr(_SCORES, scores)
                # After its last fold a trial is complete, however large its loss is.
                if DECIDING_FOLDS <= step < len(self._folds) and self._is_given_up(trial, scores[:step]):
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    return
        finally:
            _leave(fresh)
        study.tell(trial, float(np.mean(scores)))

    @staticmethod
    def _is_given_up(trial: Any, scores: Sequence[float]) -> bool:
        """Reports once by how much the trial is worse so far than the declared recipe; then asks the pruner.

        The difference is reported because folds are not equally hard: Optuna takes the best of a trial's reports,
        and the best plain mean was that over the easiest folds, so that hardly any trial was pruned.
        """
        declared = trial.study.trials[0].user_attrs.get(_SCORES, scores)
        reported = trial.storage.get_trial(trial._trial_id).intermediate_values  # noqa: SLF001
        if len(scores) not in reported:
            trial.report(float(np.mean(scores) - np.mean(declared[: len(scores)])), len(scores))
        return bool(trial.should_prune())

    def _stated(self, fold: Fold) -> dict[str, int]:
        times = self._known.as_of_ms[fold.test]
        return {
            "first_tested_ms": int(times[0]),
            "last_tested_ms": int(times[-1]),
            "n_train": len(fold.train),
            "n_test": len(fold.test),
        }


def stated(searched: Searched) -> dict[str, Any]:
    """Returns what figures state of a search, so that a reader can doubt it."""
    return {
        "searched_until": text_of_time(searched.searched_until_ms, "iso"),
        "parameters": searched.parameters,
        "objective": str(searched.plan.objective),
        "score": searched.score,
        "declared_score": searched.declared_score,
        "n_trials": searched.n_trials,
        "n_pruned": searched.n_pruned,
        "seed": searched.plan.seed,
        "data_hash": searched.data_hash,
    }


def new_study(plan: SearchPlan, *, storage: Any = None, name: str | None = None) -> Any:
    """Returns a new study, or the study of this name in the storage.

    Args:
        plan: How to search.
        storage: Optuna's storage; None keeps the study in memory.
        name: The name of the study in the storage.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="minimize",
        pruner=_pruner(plan.pruning),
        load_if_exists=storage is not None,
    )


def _pruner(pruning: Pruning) -> Any:
    import optuna

    match pruning:
        case Pruning.MEDIAN:
            return optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS)
        case Pruning.HALVING:
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=DECIDING_FOLDS, reduction_factor=2)
        case Pruning.NONE:
            return optuna.pruners.NopPruner()


def _sampler(seed: int, number: int) -> Any:
    """Returns a sampler for one trial alone."""
    import optuna

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=own, constant_liar=False)


def _drawn(trial: Any, name: str, limits: ParameterRange) -> float:
    if limits.is_whole:
        return int(trial.suggest_int(name, int(limits.low), int(limits.high), log=limits.is_log))
    return float(trial.suggest_float(name, limits.low, limits.high, log=limits.is_log))


def _leave(results: Any) -> None:
    """Ends the work that a mapper has left, if it can be told to stop."""
    if hasattr(results, "close"):
        results.close()


def _record(trial: Any) -> TrialRecord:
    return TrialRecord(
        number=trial.number,
        state=trial.state.name.lower(),
        parameters=dict(trial.params),
        scores=tuple(trial.user_attrs.get(_SCORES, ())),
    )
