"""Permutation importance: how much accuracy a model loses out of sample when a family of features is shuffled.

The ONNX model of each fold is asked again on its test rows, so that the measure is the same for every
kind of model. All features of a family are shuffled together, by row: features come as near twins, and
of two twins each alone seems to matter little.

Source:
    Breiman (2001), section 10; grouped as by Gregorutti, Michel, Saint-Pierre (2015).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_processors.features import declarations, vector_declarations
from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.block_intervals import mean_interval
from trainers.evaluation.walk_forward import FoldModel

OTHER = "other"
_NAMES = ("returns", "volatility", "momentum", "volume", "bar shape", "averages", "regime", "calendar")
_FAMILY = {
    feature.name: family
    for family, group in (
        *zip(_NAMES, declarations.GROUPS, strict=True),
        *((str(group), features) for group, features in vector_declarations.GROUPS.items()),
    )
    for feature in group
}
_MARGIN = 1e-7


class Importance(NamedTuple):
    """The loss when a family of features is shuffled; 95 % intervals by circular blocks of seven days.

    Attributes:
        log_loss_rise: The mean rise of the log loss, in nats per decision; 0 if the model does not use the family.
        accuracy_loss: The fall of the accuracy, as a share of decisions.
    """

    family: str
    n_features: int
    log_loss_rise: float
    low: float
    high: float
    accuracy_loss: float


def families(names: tuple[str, ...]) -> Mapping[str, tuple[int, ...]]:
    """The columns of each family, in the order in which they are declared."""
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        found.setdefault(_family_of(name), []).append(column)
    return {family: tuple(columns) for family, columns in found.items()}


def _family_of(name: str) -> str:
    """The family of a feature. The news features depend on the scorers, so they are told by their names."""
    groups = vector_declarations.groups_among((name,))
    return _FAMILY.get(name) or (str(groups[0]) if groups else OTHER)


class ShuffledFamilies:
    """Watches the folds of a walk-forward, and asks each model again with every family shuffled.

    Several folds may be watched at once, since each writes only its own rows.
    """

    def __init__(self, decisions: DecisionSet, *, seed: int = 0) -> None:
        self._decisions = decisions
        self._seed = seed
        self._families = families(decisions.names)
        self._shuffled = {family: np.full(len(decisions), np.nan) for family in self._families}

    def watch(self, found: FoldModel) -> None:
        """Ask a fold's model about the tested rows once for each family."""
        fold, model = found.fold, found.model
        generator = np.random.default_rng([self._seed, int(fold.test[0])])
        order = generator.permutation(len(fold.test))
        for family, columns in self._families.items():
            rows = self._decisions.rows[fold.test].copy()
            rows[:, columns] = rows[order][:, columns]
            self._shuffled[family][fold.test] = model.probabilities_up(rows)

    def found(self, probability: NDArray[np.float64], rows: NDArray[np.int64]) -> list[Importance]:
        """The most important family first.

        Args:
            probability: The probabilities of the models on unshuffled rows, shape (n,).
            rows: The tested rows without ties.
        """
        generator = np.random.default_rng(self._seed)
        as_of_ms = self._decisions.as_of_ms[rows]
        is_up = self._decisions.own.is_up[rows]
        loss = _log_loss(probability[rows], is_up)
        hit = (probability[rows] >= 0.5) == is_up
        found = []
        for family, columns in self._families.items():
            shuffled = self._shuffled[family][rows]
            rise = _log_loss(shuffled, is_up) - loss
            interval = mean_interval(rise, as_of_ms, generator=generator)
            if interval is not None:
                lost = float(hit.mean() - np.mean((shuffled >= 0.5) == is_up))
                found.append(Importance(family, len(columns), float(rise.mean()), *interval, lost))
        return sorted(found, key=lambda one: -one.log_loss_rise)


def _log_loss(probability: NDArray[np.float64], is_up: NDArray[np.bool_]) -> NDArray[np.float64]:
    clipped = np.clip(probability, _MARGIN, 1 - _MARGIN)
    return -np.log(np.where(is_up, clipped, 1 - clipped))
