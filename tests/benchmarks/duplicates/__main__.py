"""``make bench-duplicates``: precision and recall on the judged pairs, articles a second, and memory over three passes.

All recorded articles go through the operator in the order of their times, as bytes and in batches, as the runtime hands them over. Then
they come twice more under other ids, each time later by the length of the file, so that the window moves on and the
state should not grow. Processor time stands beside wall time, because other work on the machine stretches the latter.
"""

import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from schemas import codec
from schemas.events import ArticleLinked
from schemas.topics import NEWS_ARTICLE
from stream_processors.operators.articles import ArticlesOperator
from stream_processors.operators.protocols import step_values
from tests.benchmarks.duplicates.articles import FILE, RecordedArticle, recorded_articles
from tests.benchmarks.duplicates.events import events_of_recorded
from tests.benchmarks.duplicates.judged import Share, confusion_of, judged_pairs
from tests.benchmarks.reporting import Figure, report

N_PASSES = 3
BATCH = 500
BAR = 0.9
BAR_RATE = 2_000.0
#: By so much the interpreter's own memory may move from the first pass to the last.
BAR_GROWTH_MB = 10.0
_MB = 1024 * 1024
_DAY_MS = 86_400_000


class Pass(NamedTuple):
    """One pass of all articles through the operator."""

    wall_s: float
    processor_s: float
    links: list[ArticleLinked]
    resident_mb: float
    n_largest: int


def passed(operator: ArticlesOperator, values: Sequence[bytes], state: dict[bytes, bytes]) -> Pass:
    """Take all messages in, in batches, and apply what changed of the state after each, as a checkpoint does."""
    links: list[ArticleLinked] = []
    n_largest = 0
    wall_s, processor_s = time.perf_counter(), time.process_time()
    for begin in range(0, len(values), BATCH):
        stepped = step_values(operator, NEWS_ARTICLE, values[begin : begin + BATCH], lambda _: ())
        links += [output.event for _, output in stepped.outputs if isinstance(output.event, ArticleLinked)]
        for key, value in operator.changes():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        n_largest = max(n_largest, len(state))
    wall_s, processor_s = time.perf_counter() - wall_s, time.process_time() - processor_s
    gc.collect()
    return Pass(
        wall_s,
        processor_s,
        links,
        psutil.Process().memory_info().rss / _MB,
        n_largest,
    )


def all_passes(articles: Sequence[RecordedArticle]) -> list[Pass]:
    """Return the passes; the operator and its state go on from one to the next."""
    operator, state = ArticlesOperator(), dict[bytes, bytes]()
    length_ms = articles[-1].published_ms - articles[0].published_ms + _DAY_MS
    found: list[Pass] = []
    for number in range(N_PASSES):
        events = events_of_recorded(articles, number=number, length_ms=length_ms)
        found.append(passed(operator, [codec.encode(event) for event in events], state))
    return found


def figures_of(articles: Sequence[RecordedArticle], passes: Sequence[Pass]) -> list[Figure]:
    """Return everything that was measured."""
    first, last = passes[0], passes[-1]
    confusion = confusion_of(judged_pairs(), {link.article_id: link.first_article_id for link in first.links})
    growth_mb = last.resident_mb - first.resident_mb
    rate, processor_rate = (
        len(articles) * len(passes) / sum(seconds)
        for seconds in ([each.wall_s for each in passes], [each.processor_s for each in passes])
    )
    return [
        *_of_share("precision", confusion.precision),
        *_of_share("recall", confusion.recall),
        Figure(metric="copies found", value=confusion.n_found, unit="pairs", bar=None, holds=None),
        Figure(metric="links that are wrong", value=confusion.n_false, unit="pairs", bar=None, holds=None),
        Figure(metric="copies missed", value=confusion.n_missed, unit="pairs", bar=None, holds=None),
        Figure(metric="links", value=len(first.links), unit="articles", bar=None, holds=None),
        Figure(metric="rate", value=rate, unit="articles/s", bar=BAR_RATE, holds=rate >= BAR_RATE),
        Figure(
            metric="rate, processor time",
            value=processor_rate,
            unit="articles/s",
            bar=BAR_RATE,
            holds=processor_rate >= BAR_RATE,
        ),
        *(
            Figure(
                metric=f"memory after pass {number}", value=each.resident_mb, unit="MB", bar=None, holds=None
            )
            for number, each in enumerate(passes, start=1)
        ),
        Figure(
            metric="growth from the first pass to the last",
            value=growth_mb,
            unit="MB",
            bar=BAR_GROWTH_MB,
            holds=growth_mb <= BAR_GROWTH_MB,
        ),
        Figure(
            metric="most keys of the state, first pass",
            value=first.n_largest,
            unit="keys",
            bar=None,
            holds=None,
        ),
        Figure(
            metric="most keys of the state, last pass",
            value=last.n_largest,
            unit="keys",
            bar=None,
            holds=None,
        ),
    ]


def _of_share(name: str, share: Share) -> list[Figure]:
    return [
        Figure(metric=name, value=share.value, unit="share", bar=BAR, holds=share.value >= BAR),
        Figure(metric=f"{name}, 95 % from", value=share.low, unit="share", bar=None, holds=None),
        Figure(metric=f"{name}, 95 % to", value=share.high, unit="share", bar=None, holds=None),
    ]


def main() -> int:
    """Measure and report; returns the exit code."""
    folder = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", str(Path("..") / "shared" / "data")))
    if not (folder / FILE).is_file():
        print(f"{folder / FILE} is missing: set DRIFTLINE_RECORDED_DATA to the folder of the recorded data")
        return 1
    articles = recorded_articles(folder)
    report("duplicates", figures_of(articles, all_passes(articles)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
