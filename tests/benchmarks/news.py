"""``make bench-news``: rows of the news features, for one asset and for a thousand, live and in batch.

Articles come as densely as in the recorded summer of 2025 on average, 330 a day, each with the scores of two scorers. A live row is stepped,
made an event and encoded. A month replayed at full speed is 43,200 rows of an asset. Rates are by processor time, because
other work on the machine stretches the time on the wall.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence

import numpy as np
import psutil

from schemas import codec
from schemas.events import Event, SentimentScored
from schemas.topics import NEWS_SENTIMENT
from stream_processors.features.news_tables import news_table, warm_up_news
from stream_processors.operators.news import NewsOperator
from stream_processors.operators.news_runs import NewsSet
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.market_events import MINUTE, T0
from tests.fixtures.news import CREDIBILITY, DAY, SCORERS, passed, scored

PER_DAY = 330
N_DAYS = int(os.environ.get("DAYS", "37"))
N_ASSETS = int(os.environ.get("ASSETS", "1000"))
N_MINUTES = int(os.environ.get("MINUTES", "240"))
ROWS_BAR = 5_000.0


def scores_of(days: int, assets: Sequence[str]) -> list[SentimentScored]:
    """Scores by known time; an article is about one of the assets."""
    chance = random.Random(1)
    return [
        scored(
            number,
            known_ms=number * DAY // PER_DAY,
            score=chance.uniform(-1, 1),
            scorer=scorer,
            asset=assets[number % len(assets)],
        )
        for number in range(days * PER_DAY)
        for scorer in SCORERS
    ]


def log_of(scores: Sequence[SentimentScored], until_ms: int) -> Iterator[Event]:
    """The scores with a watermark a minute."""
    at = 0
    for said_ms in range(0, until_ms, MINUTE):
        while at < len(scores) and scores[at].known_time_ms < T0 + said_ms:
            yield scores[at]
            at += 1
        yield passed(said_ms)


def _memory_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def live(assets: Sequence[str], *, days: int, minutes: int) -> tuple[float, float, float]:
    """Rows/s, and the memory of the process at half and at the end, of so many minutes after a week of scores.

    The scores of the first week come at once, so that rows are those of full windows.
    """
    operator = NewsOperator([NewsSet(asset=a, scorers=SCORERS, credibility=CREDIBILITY) for a in assets])
    scores = scores_of(days, assets)
    old = [event for event in scores if event.known_time_ms < T0 + 7 * DAY]
    for event in old:
        list(operator.step(NEWS_SENTIMENT, event))
    rest = log_of(scores[len(old) :], 7 * DAY + minutes * MINUTE)
    said = (event for event in rest if event.event_time_ms >= T0 + 7 * DAY - MINUTE)
    n_rows, began_s, half_mb = 0, time.process_time(), 0.0
    for event in said:
        for output in operator.step(NEWS_SENTIMENT, event):
            codec.encode(output.event)
            n_rows += output.key is not None
        if not isinstance(event, SentimentScored) and event.event_time_ms % (60 * MINUTE) == 0:
            list(operator.changes())
        if half_mb == 0.0 and event.event_time_ms > T0 + 7 * DAY + minutes * MINUTE // 2:
            half_mb = _memory_mb()
    return n_rows / (time.process_time() - began_s), half_mb, _memory_mb()


def in_batch() -> float:
    """Rows/s of one asset from stored scores."""
    scores = scores_of(N_DAYS, ["BTC"])
    times = np.arange(T0 + 7 * DAY, T0 + N_DAYS * DAY, MINUTE, dtype=np.int64)
    began_s = time.process_time()
    news_table(scores, asset="BTC", scorers=SCORERS, credibility=CREDIBILITY, as_of_ms=times)
    return len(times) / (time.process_time() - began_s)


def news_figures() -> list[Figure]:
    """The figures of all parts."""
    began_s = time.process_time()
    warm_up_news()
    ready_s = time.process_time() - began_s
    one, half_mb, end_mb = live(["BTC"], days=N_DAYS, minutes=(N_DAYS - 7) * 1_440)
    batch = in_batch()
    names = [f"ASSET{number}" for number in range(N_ASSETS)]
    many, many_half_mb, many_end_mb = live(names, days=8, minutes=N_MINUTES)
    return [
        _figure("compiling, or loading what is compiled", ready_s, "s"),
        _rate(f"one asset, live, {N_DAYS - 7} days", one),
        _figure("the same: memory at half", half_mb, "MB"),
        _figure("the same: memory at the end", end_mb, "MB"),
        _rate("one asset, in batch", batch),
        _rate(f"{N_ASSETS:,} assets, live, {N_MINUTES} minutes", many),
        _figure("the same: memory at half", many_half_mb, "MB"),
        _figure("the same: memory at the end", many_end_mb, "MB"),
    ]


def _figure(metric: str, value: float, unit: str) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=None, holds=None)


def _rate(metric: str, value: float) -> Figure:
    return Figure(metric=metric, value=value, unit="rows/s", bar=ROWS_BAR, holds=value >= ROWS_BAR)


def main() -> None:
    """Run it."""
    report("news", news_figures())


if __name__ == "__main__":
    main()
