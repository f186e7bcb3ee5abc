"""The live driver of the vector kernel: one row of the target at a time, with a state that is kept as bytes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import GROUPS, FeatureGroup
from stream_processors.features.vector_kernel import N_OTHER, OTHER, OWN, STATE_SIZE, empty_state
from stream_processors.features.vectors import LOOPS

_PLACE = {name: place for place, name in enumerate(SPEC.names)}
_OWN = [_PLACE[name] for name in OWN]
_OTHER = [_PLACE[name] for name in OTHER]
_NOTHING = (float("nan"),) * N_OTHER


def taken_of(close: float, values: Sequence[float]) -> tuple[float, ...]:
    """Return the values that the kernel takes of a companion's row.

    Args:
        close: The companion's close, quote per base.
        values: The companion's market features, in the order of the spec.
    """
    return (close, *(values[place] for place in _OTHER))


class VectorStepper:
    """Computes the companion features of one target and interval, row by row.

    Args:
        groups: The groups that companions fill. News features are taken as they are, without a kernel.
        interval: The length of the bars. A row that is farther from the row before begins anew.
        n_news: The number of news features.
    """

    def __init__(self, groups: Sequence[FeatureGroup], *, interval: Interval, n_news: int = 0) -> None:
        self._states = {group: empty_state() for group in groups if group in GROUPS}
        self._no_news = (float("nan"),) * n_news
        self._length_ms = interval.milliseconds
        self._as_of_ms = np.zeros(1, dtype=np.int64)
        self._own = np.empty((1, 1 + len(OWN)))
        self._other = np.empty((1, N_OTHER))
        self._age_bars = np.empty(1)
        self._out = {group: np.empty((1, len(GROUPS[group]))) for group in self._states}

    def step(
        self,
        as_of_ms: int,
        *,
        close: float,
        values: Sequence[float],
        others: Mapping[FeatureGroup, tuple[int, tuple[float, ...]] | None],
    ) -> list[float]:
        """Take a row of the target in, with the companions' rows that were joined to it.

        Args:
            as_of_ms: The as-of time of the target's row.
            close: The close of the target's bar.
            values: The target's market features, in the order of the spec.
            others: By group, when the joined bar ended and the values of :func:`taken_of`, of news all values; None
                where nothing was joined.

        Returns:
            The companion features, in the order of the groups; NaN where undefined.
        """
        self._as_of_ms[0] = as_of_ms
        self._own[0] = (close, *(values[place] for place in _OWN))
        found: list[float] = []
        for group, state in self._states.items():
            other = others[group]
            self._other[0] = _NOTHING if other is None else other[1]
            self._age_bars[0] = np.nan if other is None else (as_of_ms - other[0]) / self._length_ms
            arrays = (self._as_of_ms, self._length_ms, self._own, self._other, self._age_bars)
            LOOPS[group](state, *arrays, self._out[group])
            found.extend(self._out[group][0].tolist())
        news = others.get(FeatureGroup.NEWS)
        found.extend(self._no_news if news is None else news[1])
        return found

    def snapshot(self) -> list[bytes]:
        """Return the states of the groups, in their order."""
        return [state.tobytes() for state in self._states.values()]

    def restore(self, snapshot: Sequence[bytes]) -> None:
        """Restore a snapshot.

        Raises:
            ValueError: If the snapshot has other groups, or states of another size.
        """
        for (group, state), raw in zip(self._states.items(), snapshot, strict=True):
            held: NDArray[np.float64] = np.frombuffer(raw, dtype=np.float64)
            if held.shape != state.shape:
                message = f"a state of {group} must have {STATE_SIZE} numbers, had {held.size}"
                raise ValueError(message)
            state[:] = held
