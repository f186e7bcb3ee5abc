"""Wraps a River classifier as an :class:`~trainers.models.online.protocols.OnlineModel`."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.online.families import FAMILIES
from trainers.models.online.graphs import object_of, rows_of
from trainers.models.online.scaling import RunningScale
from trainers.models.online.snapshots import Snapshot, packed, unpacked

#: A leaf of a tree may hold one direction alone; the other direction still gets this probability.
LEAST_PROBABILITY = 1e-3
_EVEN = 0.5


class RiverModel:
    """A classifier with the scale of its columns.

    River identifies columns by names in dictionaries. Here the numbers of the columns are used as names, so that a
    snapshot states each name once.

    Args:
        kind: A key of ``FAMILIES``.
        classifier: A classifier of that family.
        feature_names: The k columns.
    """

    def __init__(self, kind: str, classifier: Any, *, feature_names: tuple[str, ...]) -> None:
        self.kind = kind
        self.feature_names = feature_names
        self.n_learned = 0
        self._classifier = classifier
        self._scale = RunningScale(len(feature_names))

    def predict_one(self, row: NDArray[np.float32]) -> np.float32:
        """Returns the probability of up; one half before anything was learnt.

        Raises:
            StateError: If the model returns something that is not a finite number.
        """
        if self.n_learned == 0:
            return np.float32(_EVEN)
        said = self._classifier.predict_proba_one(self._scaled(row)).get(True, _EVEN)
        if not math.isfinite(said):
            message = f"{self.kind} returns {said} after {self.n_learned} rows: its state cannot be used any further"
            raise StateError(message)
        return np.float32(min(max(said, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY))

    def learn_one(self, row: NDArray[np.float32], *, is_up: bool) -> None:
        """Learns a row: first the scale of its columns, then its outcome."""
        self._scale.learn(row)
        self._classifier.learn_one(self._scaled(row), bool(is_up))
        self.n_learned += 1

    def _scaled(self, row: NDArray[np.float32]) -> dict[int, float]:
        return dict(enumerate(self._scale.scaled(row).tolist()))

    def snapshot(self) -> bytes:
        """Returns the whole state; see :mod:`trainers.models.online.snapshots`.

        Raises:
            StateError: If it is too large, or another version of River is installed.
        """
        family = FAMILIES[self.kind]()
        return packed(
            Snapshot(
                kind=self.kind,
                feature_names=self.feature_names,
                n_learned=self.n_learned,
                scale=self._scale.kept(),
                objects=rows_of(self._classifier, family.entries, root=family.root),
            )
        )

    @classmethod
    def restored(cls, data: bytes) -> Self:
        """Restores the model of a snapshot.

        Raises:
            StateError: If the bytes are not a snapshot, or one of another version.
        """
        snapshot = unpacked(data)
        if snapshot.kind not in FAMILIES:
            message = f"expected one of {', '.join(FAMILIES)}, the snapshot is of another kind"
            raise StateError(message)
        family, names = FAMILIES[snapshot.kind](), snapshot.feature_names
        classifier = object_of(snapshot.objects, family.entries, root=family.root, n_features=len(names))
        model = cls(snapshot.kind, classifier, feature_names=names)
        model.n_learned = snapshot.n_learned
        model._scale = RunningScale.restored(snapshot.scale, n_columns=len(names))
        return model
