"""What is asked of the scores after everything: nothing lost, nothing twice with another content, no watermark too early."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.codec import nan_from_null
from schemas.events import ArticlePublished, Event, NewsFeaturesComputed, SentimentScored, WatermarkAdvanced
from schemas.scorers import ScorerId
from schemas.topics import NEWS_SENTIMENT
from stream_processors.features.news_tables import news_table
from stream_processors.operators.news import NewsOperator
from stream_processors.operators.news_runs import NewsSet

_Place = tuple[str, int, str]


class ScoreVerdict(NamedTuple):
    """What lies on the topic of scores, held against what was fed.

    Attributes:
        n_wanted: One for each article, asset and scorer.
        n_lost: Those that are missing.
        n_strange: Facts that nobody asked for.
        n_contradicting: Records that state a fact otherwise than before.
        n_repeated: Records that state a fact again, which readers drop.
        n_early: Watermarks that stand before a score of what they vouch for.
        is_ended: Whether the last watermark came through.
    """

    n_wanted: int
    n_lost: int
    n_strange: int
    n_contradicting: int
    n_repeated: int
    n_early: int
    is_ended: bool


def judge_scores(fed: Sequence[Event], found: Iterable[Event], scorers: Sequence[ScorerId]) -> ScoreVerdict:
    """Judge the topic of scores.

    Args:
        fed: Articles and watermarks, in the order of the topic of articles.
        found: What lies on the topic of scores, in its order.
        scorers: Those that ran.
    """
    places = [_place(event) for event in fed if isinstance(event, ArticlePublished)]
    wanted = {(*place, *scorer) for place in places for scorer in scorers}
    n_before = _articles_before(fed)
    facts: dict[tuple[object, ...], SentimentScored] = {}
    n_scores: dict[_Place, int] = {}
    n_done = n_strange = n_contradicting = n_repeated = n_early = 0
    last_ms = -1
    for event in found:
        if isinstance(event, WatermarkAdvanced):
            last_ms = event.event_time_ms
            while n_done < len(places) and n_scores.get(places[n_done], 0) >= len(scorers):
                n_done += 1
            n_early += n_before[last_ms] > n_done
        elif isinstance(event, SentimentScored):
            fact = (*_place(event), event.scorer, event.scorer_hash)
            if fact in facts:
                n_repeated += 1
                n_contradicting += facts[fact] != event
            else:
                facts[fact] = event
                n_strange += fact not in wanted
                n_scores[_place(event)] = n_scores.get(_place(event), 0) + 1
    is_ended = last_ms == max(n_before)
    n_lost = len(wanted - facts.keys())
    return ScoreVerdict(len(wanted), n_lost, n_strange, n_contradicting, n_repeated, n_early, is_ended)


def _place(event: ArticlePublished | SentimentScored) -> _Place:
    return event.article_id, event.version, event.asset


def _articles_before(fed: Sequence[Event]) -> dict[int, int]:
    found: dict[int, int] = {}
    n = 0
    for event in fed:
        if isinstance(event, ArticlePublished):
            n += 1
        else:
            found[event.event_time_ms] = n
    return found


class FeatureVerdict(NamedTuple):
    """The rows that the operator made of the topic of scores, held against the batch computation.

    Attributes:
        n_rows: Rows that the operator made.
        n_different: Rows that differ from the batch by at least one bit.
    """

    n_rows: int
    n_different: int


def judge_features(
    found: Iterable[Event], scores: Sequence[SentimentScored], scorers: Sequence[ScorerId]
) -> FeatureVerdict:
    """Judge the features of one asset.

    Args:
        found: What lies on the topic of scores, repeats included.
        scores: Each score once, made without any interruption.
        scorers: Those that ran.
    """
    operator = NewsOperator([NewsSet(asset="BTC", scorers=tuple(scorers), credibility={})])
    times: list[int] = []
    rows: list[np.ndarray] = []
    for event in found:
        for output in operator.step(NEWS_SENTIMENT, event):
            if isinstance(output.event, NewsFeaturesComputed):
                times.append(output.event.event_time_ms)
                rows.append(nan_from_null(output.event.values.values()))
    as_of_ms = np.array(times, dtype=np.int64)
    table = news_table(scores, asset="BTC", scorers=scorers, credibility={}, as_of_ms=as_of_ms)
    same = (np.array(rows) == table.values) | (np.isnan(np.array(rows)) & np.isnan(table.values))
    return FeatureVerdict(len(rows), int((~same.all(axis=1)).sum()))
