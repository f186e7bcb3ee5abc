"""Times scorers: processor time of a batch, and of headlines one at a time."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from stream_processors.sentiment.ports import PreparedText, Scorer
from tests.benchmarks.reporting import Figure


class Timed(NamedTuple):
    """Headlines a second in one call, and the slowest of a hundred single ones in milliseconds."""

    per_s: float
    p99_ms: float


def timed(score: Callable[[Sequence[PreparedText]], object], texts: Sequence[PreparedText]) -> Timed:
    """Time a scorer. The first headlines are left out, because what is loaded late is loaded by them."""
    score(texts[:8])
    whole = processor_s(lambda: score(texts))
    singles = sorted(processor_s(lambda one=one: score([one])) for one in texts)
    return Timed(len(texts) / whole, singles[int(len(singles) * 0.99)] * 1e3)


def processor_s(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def scorer_figures(
    scorer: Scorer, texts: Sequence[PreparedText], *, name: str = "", bar: float | None = None
) -> list[Figure]:
    """The figures of a scorer, held against a bar of headlines a second if there is one."""
    return figures_of(name or scorer.id.name, timed(scorer.score, texts), bar=bar)


def figures_of(name: str, found: Timed, *, bar: float | None = None) -> list[Figure]:
    return [
        Figure(
            metric=name,
            value=found.per_s,
            unit="headlines/s",
            bar=bar,
            holds=None if bar is None else found.per_s >= bar,
        ),
        Figure(metric=f"{name}, p99 of one", value=found.p99_ms, unit="ms", bar=None, holds=None),
    ]
