"""A River classifier as an :class:`~trainers.models.online.protocols.OnlineModel`."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.online.families import FAMILIES
from trainers.models.online.graphs import object_of, rows_of
from trainers.models.online.scaling import RunningScale
from trainers.models.online.snapshots import Snapshot, packed, unpacked

#: A tree's leaf may be of one direction alone: no outcome is impossible for that.
LEAST_PROBABILITY = 1e-3
_EVEN = 0.5


class RiverModel:
    """A classifier with the scale of its columns.

    River knows columns by name, in dictionaries; here their names are their numbers, so that a
    snapshot says each name once.

    Args:
        kind: A key of ``FAMILIES``.
        classifier: Of that family.
        feature_names: The k columns.
    """

    def __init__(self, kind: str, classifier: Any, *, feature_names: tuple[str, ...]) -> None:
        self.kind = kind
        self.feature_names = feature_names
        self.n_learned = 0
        self._classifier = classifier
        self._scale = RunningScale(len(feature_names))

    def predict_one(self, row: NDArray[np.float32]) -> np.float32:
        """The probability of up; one half before anything was learnt.

        Raises:
            StateError: If the model has come to say no number.
        """
        if self.n_learned == 0:
            return np.float32(_EVEN)
        said = self._classifier.predict_proba_one(self._scaled(row)).get(True, _EVEN)
        if not math.isfinite(said):
            message = f"{self.kind} says {said} after {self.n_learned} rows: its state is none to go on from"
            raise StateError(message)
        return np.float32(min(max(said, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY))

    def learn_one(self, row: NDArray[np.float32], *, is_up: bool) -> None:
        """Learn how a row turned out: first what its columns are like, then what followed."""
        self._scale.learn(row)
        self._classifier.learn_one(self._scaled(row), bool(is_up))
        self.n_learned += 1

    def _scaled(self, row: NDArray[np.float32]) -> dict[int, float]:
        return dict(enumerate(self._scale.scaled(row).tolist()))

    def snapshot(self) -> bytes:
        """All of it; see :mod:`trainers.models.online.snapshots`.

        Raises:
            StateError: If it has become too large, or River is another one.
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
        """The model of a snapshot.

        Raises:
            StateError: If the bytes are none, or of another version.
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
