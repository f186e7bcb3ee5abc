"""Latencies of one row, as quantiles over calls of which each way's alternate in rounds."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.inference.kinds import TREES
from tests.benchmarks.reporting import Figure
from trainers.datasets.decisions import DecisionSet
from trainers.models.onnx_models import OnnxModel
from trainers.models.recipes import EXPORT_TOLERANCE, FittedModel

BAR_MS = 0.2
CALLS = 50


class Row(NamedTuple):
    """One feature vector, ready for a model, and by name as it comes from the log."""

    ready: NDArray[np.float32]
    by_name: Mapping[str, float | None]

    @classmethod
    def of(cls, decisions: DecisionSet) -> Self:
        """The newest."""
        ready = decisions.rows[-1:]
        values = [None if np.isnan(value) else float(value) for value in ready[0]]
        return cls(ready, dict(zip(decisions.names, values, strict=True)))


def latency_figures(name: str, fitted: FittedModel, row: Row, *, n_rounds: int) -> list[Figure]:
    """Native, ONNX and the served path; the bar is ONNX's 99th percentile where it is of trees alone."""
    model = OnnxModel.from_bytes(fitted.onnx())
    difference = abs(float(model.probabilities_up(row.ready)[0] - fitted.native_probabilities(row.ready)[0]))
    if difference > EXPORT_TOLERANCE:
        message = f"{name}: both forms must say the same, differ by {difference:g}"
        raise AssertionError(message)
    native, onnx, served = alternating(
        (
            lambda: fitted.native_probabilities(row.ready),
            lambda: model.probabilities_up(row.ready),
            lambda: model.probability_up(row.by_name),
        ),
        n_rounds=n_rounds,
    )
    return [
        *figures_of(f"{name}, native", native),
        *(
            _figure(
                f"{name}, ONNX, p{q}",
                _ms(onnx, q),
                bar=BAR_MS if q == 99 and name in TREES else None,
                ratio=_ms(onnx, q) / _ms(native, q),
            )
            for q in (50, 99)
        ),
        *figures_of(f"{name}, as served, by name", served),
    ]


def figures_of(title: str, nanoseconds: NDArray[np.int64]) -> list[Figure]:
    """Median and 99th percentile."""
    return [_figure(f"{title}, p{q}", _ms(nanoseconds, q)) for q in (50, 99)]


def alternating(ways: tuple[Callable[[], object], ...], *, n_rounds: int) -> list[NDArray[np.int64]]:
    """Nanoseconds of every call by way; each way has fifty calls in each round, the first round not counted.

    The first call of a turn finds the processor's caches full of another way's work, as a call in life
    does: one call in fifty, so the 99th percentile is of these.
    """
    taken = [np.empty((n_rounds + 1, CALLS), dtype=np.int64) for _ in ways]
    for number in range(n_rounds + 1):
        for way, call in enumerate(ways):
            for i in range(CALLS):
                began_ns = time.perf_counter_ns()
                call()
                taken[way][number, i] = time.perf_counter_ns() - began_ns
    return [calls[1:].ravel() for calls in taken]


def _ms(nanoseconds: NDArray[np.int64], q: int) -> float:
    return float(np.percentile(nanoseconds, q)) / 1e6


def _figure(metric: str, value: float, *, bar: float | None = None, ratio: float | None = None) -> Figure:
    return Figure(
        metric=metric,
        value=value,
        unit="ms",
        bar=bar,
        holds=None if bar is None else value <= bar,
        peer=None if ratio is None else "native",
        ratio=ratio,
    )
