"""Lets scorers score many texts, as arrays, and measures how long they take."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_processors.sentiment.ports import PreparedText, Refusal, Scored, Scorer
from stream_processors.sentiment.preparing import prepare
from trainers.sentiment.labels import LABELS
from trainers.sentiment.reports import ScorerSpeed

BATCH = 64
REFUSED = -1
_N_ALONE = 300
_N_TIMED = 2000
_LANGUAGE = "en"
#: Labelled texts are judged as they are, whatever coin they speak of.
_EVERYTHING = "MARKET"


class ScoredTexts(NamedTuple):
    """What a scorer said about n texts.

    Attributes:
        labels: Shape (n,): the index of each label in :data:`.labels.LABELS`, or -1 for a refusal.
        scores: Shape (n,), NaN for a refusal.
        probabilities: Shape (n, 3), NaN for a refusal; None if the scorer states none.
    """

    labels: NDArray[np.int8]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None


def prepared_texts(texts: Sequence[str]) -> list[PreparedText | Refusal]:
    """Labelled texts as scorers read them, each as a title."""
    return [prepare(text, None, _LANGUAGE, _EVERYTHING) for text in texts]


def scored_texts(
    scorer: Scorer,
    texts: Sequence[PreparedText | Refusal],
    progress: Callable[[float], None] = lambda _share: None,
) -> ScoredTexts:
    """Let a scorer score texts.

    Args:
        scorer: The scorer.
        texts: n texts, or why they are refused.
        progress: Told the share that is done.
    """
    chosen = [(row, text) for row, text in enumerate(texts) if isinstance(text, PreparedText)]
    labels = np.full(len(texts), REFUSED, dtype=np.int8)
    scores = np.full(len(texts), np.nan)
    probabilities = np.full((len(texts), len(LABELS)), np.nan)
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        for (row, _), scored in zip(batch, scorer.score([text for _, text in batch]), strict=True):
            labels[row] = LABELS.index(scorer.label(scored))
            scores[row] = scored.score
            probabilities[row] = _probabilities(scored)
        progress((start + len(batch)) / len(chosen))
    has_any = bool(np.isfinite(probabilities).any())
    return ScoredTexts(labels, scores, probabilities if has_any else None)


def _probabilities(scored: Scored) -> tuple[float, float, float]:
    if scored.negative is None or scored.neutral is None or scored.positive is None:
        return np.nan, np.nan, np.nan
    return scored.negative, scored.neutral, scored.positive


def measured_speed(
    scorer: Scorer, texts: Sequence[PreparedText | Refusal], *, price_of_core_hour: float
) -> ScorerSpeed:
    """Measure how long a scorer takes for a text alone, and for texts in batches.

    Args:
        scorer: The scorer.
        texts: At most 2,000 of them are used.
        price_of_core_hour: What an hour of one core costs, in US dollars.
    """
    usable = [text for text in texts if isinstance(text, PreparedText)][:_N_TIMED]
    scorer.score(usable[:BATCH])
    waited = []
    for text in usable[:_N_ALONE]:
        began = time.perf_counter()
        scorer.score([text])
        waited.append(1000 * (time.perf_counter() - began))
    began, worked = time.perf_counter(), time.process_time()
    for start in range(0, len(usable), BATCH):
        scorer.score(usable[start : start + BATCH])
    took, worked = time.perf_counter() - began, time.process_time() - worked
    cpu_s = 1000 * worked / max(1, len(usable))
    return ScorerSpeed(
        scorer=str(scorer.id),
        n_texts=len(usable),
        texts_per_s=len(usable) / max(took, 1e-9),
        p50_ms=float(np.quantile(waited, 0.5)) if waited else np.nan,
        p99_ms=float(np.quantile(waited, 0.99)) if waited else np.nan,
        cpu_s_per_thousand=cpu_s,
        cost_per_thousand=cpu_s / 3600 * price_of_core_hour,
    )
