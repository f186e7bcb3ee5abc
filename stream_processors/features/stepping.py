"""The live driver of the market kernel: one bar at a time, with a state that is kept and restored as bytes."""

import numpy as np
from numpy.typing import NDArray

from stream_processors.features import kernel
from stream_processors.features.bars import N_COLUMNS
from stream_processors.features.declarations import SPEC


class FeatureStepper:
    """Computes the features of one instrument and interval, bar by bar."""

    def __init__(self) -> None:
        self._state = kernel.empty_state()
        self._scratch = kernel.scratch_space()
        self._rows = np.empty((1, N_COLUMNS), dtype=np.float64)
        self._out = np.empty((1, kernel.N_FEATURES), dtype=np.float64)
        self._n_held = np.zeros(1, dtype=np.int64)

    def step(
        self,
        row: tuple[float, float, float, float, float],
        *,
        start_ms: int,
        end_ms: int,
        buy_volume: float | None = None,
    ) -> list[float]:
        """Take a bar in, and return its features; see :meth:`take`.

        Args:
            row: Open, high, low, close (quote per base), volume (base units).
            start_ms: When the bar starts.
            end_ms: When it ends.
            buy_volume: The part of the volume that buyers took from the book; None if it is not known.
        """
        self.take(row, start_ms=start_ms, end_ms=end_ms, buy_volume=buy_volume)
        return self.values

    def take(
        self,
        row: tuple[float, float, float, float, float],
        *,
        start_ms: int,
        end_ms: int,
        buy_volume: float | None = None,
    ) -> None:
        """Take a bar in; :attr:`values` are then its features, in the order of the spec, NaN where undefined.

        A bar that does not start where the last bar ended begins anew.

        Args:
            row: Open, high, low, close (quote per base), volume (base units).
            start_ms: When the bar starts.
            end_ms: When it ends.
            buy_volume: The part of the volume that buyers took from the book; None if it is not known.
        """
        bought = np.nan if buy_volume is None else buy_volume
        self._rows[0] = (*row, end_ms, bought, start_ms)
        kernel.run(self._state, self._scratch, self._rows, self._out, self._n_held)

    @property
    def is_warm(self) -> bool:
        """Whether every feature that is not optional has seen the bars that it declares."""
        return bool(self._n_held[0] >= SPEC.warm_up_bars)

    @property
    def values(self) -> list[float]:
        """The features of the newest bar."""
        values: list[float] = self._out[0].tolist()
        return values

    def values_or_none(self) -> list[float | None]:
        """The features of the newest bar; None where undefined, as on the wire."""
        values: list[float | None] = self._out[0].tolist()
        for number in np.flatnonzero(np.isnan(self._out[0])).tolist():
            values[number] = None
        return values

    def state(self) -> bytes:
        """The state's bytes."""
        return self._state.tobytes()

    def restore_state(self, raw: bytes) -> None:
        """Restore a state; :attr:`is_warm` is known again after the next bar.

        Raises:
            ValueError: If the state has not the size of this kernel's state.
        """
        state: NDArray[np.float64] = np.frombuffer(raw, dtype=np.float64)
        if state.shape != self._state.shape:
            message = f"a state must have {self._state.size} numbers, had {state.size}"
            raise ValueError(message)
        self._state[:] = state

    def step_again(self, rows: NDArray[np.float64]) -> None:
        """Take bars in again that were taken in before a restart.

        Args:
            rows: Shape (n, N_COLUMNS), n > 0, with the columns of :mod:`.bars`.
        """
        out = np.empty((len(rows), kernel.N_FEATURES), dtype=np.float64)
        n_held = np.zeros(len(rows), dtype=np.int64)
        kernel.run(self._state, self._scratch, rows, out, n_held)
        self._out[:], self._n_held[:] = out[-1], n_held[-1]
