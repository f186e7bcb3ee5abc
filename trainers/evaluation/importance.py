"""Which features a model leans on, out of sample: how much is lost when a family of them is shuffled.

Permutation importance, asked of the ONNX model of each fold on the rows that it had not seen, so that
it is the same question for every kind of model. Whole families are shuffled together, by row:
features come as near twins, and of twins each alone seems to matter little.

Source:
    Breiman (2001), section 10; grouped as by Gregorutti, Michel, Saint-Pierre (2015).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_processors.features import declarations, vector_declarations
from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.selective import mean_interval
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
    """What shuffling a family costs; 95 % intervals by circular blocks of seven days.

    Attributes:
        log_loss_rise: Mean, in nats a decision; 0 where the model does not look at it.
        accuracy_loss: Share of decisions.
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
        found.setdefault(_FAMILY.get(name, OTHER), []).append(column)
    return {family: tuple(columns) for family, columns in found.items()}


class ShuffledFamilies:
    """Watches the folds of a walk-forward, and asks each model again with every family shuffled.

    It may watch several folds at once: each writes its own rows only.
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
            probability: What the models said unshuffled, shape (n,).
            rows: Tested rows without ties.
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
