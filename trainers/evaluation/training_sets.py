"""The training set of a fold: the rows of the predicted instrument, and those of its companions.

A companion is another instrument with the same features, such as ETH for BTC. Its rows are more of the
same kind to learn from and have less weight; nothing is ever tested on them. Every outcome is
purged by its own known time, for each horizon apart, since an outcome over a longer horizon is known later.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold, purged
from trainers.datasets.prices import ForwardReturn
from trainers.datasets.uniqueness import uniqueness
from trainers.models.recipes import Outcome, TrainingSet

#: The weight of a companion's row, where an own row has 1; it was fixed before anything was measured.
COMPANION_WEIGHT = 0.5


def training_set_of(
    decisions: DecisionSet, fold: Fold, multiples: Iterable[int], *, is_weighted: bool = False
) -> TrainingSet:
    """The training set of a fold's model.

    Args:
        decisions: Those of the instrument that is predicted, with its companions; a column that a companion
            does not have is undefined in its rows.
        fold: The fold; the decision of its first test row is the time of the refit.
        multiples: The multiples of the horizon that are learnt from.
        is_weighted: Whether overlapping labels share their weight.

    Returns:
        Rows oldest first; of rows at the same time the own one comes before those of companions.
    """
    wanted = tuple(multiples)
    decided_ms = int(decisions.as_of_ms[fold.test[0]])
    own = _part(decisions, fold.train, wanted, decided_ms=decided_ms, is_weighted=is_weighted)
    if not decisions.companions:
        return own
    parts = [own]
    for companion in decisions.companions:
        earlier = np.arange(np.searchsorted(companion.as_of_ms, decided_ms), dtype=np.int64)
        part = _part(companion, earlier, wanted, decided_ms=decided_ms, is_weighted=is_weighted)
        parts.append(_in_columns(part, decisions.names))
    return _pooled(parts)


def training_set_at(
    decisions: DecisionSet, multiples: Iterable[int], *, time_ms: int | None = None
) -> TrainingSet:
    """The training set at a time: every outcome over each horizon that was known then, without ties.

    Args:
        decisions: Oldest first.
        multiples: The multiples of the horizon that are learnt from.
        time_ms: The time; None means the end of the data.
    """
    outcomes = {multiple: _known(decisions.forward_returns[multiple], time_ms) for multiple in multiples}
    last = max((int(outcome.rows[-1]) + 1 for outcome in outcomes.values() if len(outcome.rows)), default=0)
    return TrainingSet(decisions.names, decisions.rows[:last], outcomes, decisions.as_of_ms[:last])


def _known(forward: ForwardReturn, time_ms: int | None) -> Outcome:
    is_known = forward.known_ms >= 0
    if time_ms is not None:
        is_known &= forward.known_ms <= time_ms
    rows = np.flatnonzero(is_known & ~forward.is_tie).astype(np.int64)
    return Outcome(rows, forward.is_up[rows], None, forward.known_ms[rows])


def _part(
    decisions: DecisionSet,
    candidates: NDArray[np.int64],
    multiples: Sequence[int],
    *,
    decided_ms: int,
    is_weighted: bool,
) -> TrainingSet:
    outcomes = {
        multiple: _outcome(decisions, candidates, multiple, decided_ms=decided_ms, is_weighted=is_weighted)
        for multiple in multiples
    }
    n = int(candidates[-1]) + 1 if len(candidates) else 0
    return TrainingSet(decisions.names, decisions.rows[:n], outcomes, decisions.as_of_ms[:n])


def _outcome(
    decisions: DecisionSet,
    candidates: NDArray[np.int64],
    multiple: int,
    *,
    decided_ms: int,
    is_weighted: bool,
) -> Outcome:
    forward = decisions.forward_returns[multiple]
    rows = purged(candidates, known_ms=forward.known_ms, decided_ms=decided_ms)
    rows = rows[~forward.is_tie[rows]]
    weight = _weights(decisions, rows, multiple) if is_weighted else None
    return Outcome(rows, forward.is_up[rows], weight, forward.known_ms[rows])


def _weights(decisions: DecisionSet, rows: NDArray[np.int64], multiple: int) -> NDArray[np.float64]:
    start_ms = decisions.as_of_ms[rows]
    weights = uniqueness(start_ms=start_ms, end_ms=start_ms + multiple * decisions.horizon.milliseconds)
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled


def _in_columns(training_set: TrainingSet, names: tuple[str, ...]) -> TrainingSet:
    """The training set with these columns in this order; columns that it does not have are undefined."""
    if training_set.names == names:
        return training_set
    rows = np.full((len(training_set.rows), len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        if name in training_set.names:
            rows[:, column] = training_set.rows[:, training_set.names.index(name)]
    return training_set._replace(names=names, rows=rows)


def _pooled(parts: Sequence[TrainingSet]) -> TrainingSet:
    """All parts as one training set, by time; the first part is the instrument's own and has full weight."""
    times_ms = np.concatenate([_times(part) for part in parts])
    order = np.argsort(times_ms, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    places = np.split(place, np.cumsum([len(part.rows) for part in parts])[:-1])
    own = parts[0]
    return TrainingSet(
        own.names,
        np.concatenate([part.rows for part in parts])[order],
        {
            multiple: _pooled_outcome([part.outcomes[multiple] for part in parts], places)
            for multiple in own.outcomes
        },
        times_ms[order],
        is_own=order < len(own.rows),
    )


def _times(training_set: TrainingSet) -> NDArray[np.int64]:
    return training_set.as_of_ms if training_set.as_of_ms is not None else np.empty(0, dtype=np.int64)


def _pooled_outcome(outcomes: Sequence[Outcome], places: Sequence[NDArray[np.int64]]) -> Outcome:
    rows = np.concatenate([place[outcome.rows] for place, outcome in zip(places, outcomes, strict=True)])
    weight = np.concatenate([_weight(outcome, is_own=i == 0) for i, outcome in enumerate(outcomes)])
    known_ms = np.concatenate([outcome.known_ms for outcome in outcomes if outcome.known_ms is not None])
    order = np.argsort(rows)
    mean = weight.mean() if len(weight) else 1.0
    is_up = np.concatenate([outcome.is_up for outcome in outcomes])
    return Outcome(rows[order], is_up[order], weight[order] / mean, known_ms[order])


def _weight(outcome: Outcome, *, is_own: bool) -> NDArray[np.float64]:
    even = np.ones(len(outcome.rows)) if outcome.weight is None else outcome.weight
    return even if is_own else COMPANION_WEIGHT * even
