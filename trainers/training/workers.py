"""Threads that fit several folds at a time; results do not depend on how many there are."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.folds import Fold

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Called with the share of the fitting that is done.
Progress = Callable[[float], None]


class Workers:
    """A pool of threads that also counts how much of the work is done."""

    def __init__(self, n_workers: int, progress: Progress | None) -> None:
        self._pool = ThreadPoolExecutor(max_workers=max(1, n_workers))
        self._progress = progress
        self._n_done = 0
        self.n_steps = 1

    def __enter__(self) -> Self:
        """Return the pool; no thread has started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel work that has not begun, and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)

    def map(
        self, function: Callable[[_Item], _Result], items: Sequence[_Item], *, size: Callable[[_Item], int]
    ) -> list[_Result]:
        """Results in the order of the items; the largest begins first, since it takes longest.

        Args:
            function: Called once with each item, from several threads.
            items: What it is called with.
            size: How large an item is; only the order of these numbers matters.
        """
        order = sorted(range(len(items)), key=lambda i: -size(items[i]))
        futures = {i: self._pool.submit(function, items[i]) for i in order}
        return [futures[i].result() for i in range(len(items))]

    def map_folds(
        self, function: Callable[[Fold], NDArray[np.float32]], folds: Sequence[Fold]
    ) -> list[NDArray[np.float32]]:
        """Map a function over folds, each of which counts as one step."""

        def done(fold: Fold) -> NDArray[np.float32]:
            result = function(fold)
            self.step()
            return result

        return self.map(done, folds, size=lambda fold: len(fold.train))

    def step(self) -> None:
        """Count one more step, and report the progress."""
        self._n_done += 1
        if self._progress is not None:
            self._progress(self._n_done / self.n_steps)
