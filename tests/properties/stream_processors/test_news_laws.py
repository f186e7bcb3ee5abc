"""Laws of the news features: they are what their definitions say, and follow from what was known before them alone."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.codec import nan_from_null
from schemas.events import Event, NewsFeaturesComputed, SentimentScored
from schemas.features import NewsFeatureTable
from schemas.topics import NEWS_SENTIMENT
from stream_processors.features.news_declarations import WINDOWS, news_spec
from stream_processors.features.news_kernel import width_of
from stream_processors.features.news_tables import news_table
from tests.fixtures.market_events import HOUR, MINUTE, T0
from tests.fixtures.news import (
    CREDIBILITY,
    DAY,
    SCORERS,
    absent,
    news_operator,
    passed,
    random_scores,
    scored,
)

LAWS = settings(max_examples=15, deadline=None)
SPEC = news_spec(SCORERS, CREDIBILITY)
SEEDS = st.integers(0, 2**32)
N_DAYS = 9


def table(scores: Sequence[SentimentScored], minutes: Sequence[int]) -> NewsFeatureTable:
    """The features of BTC at T0 and so many minutes."""
    times = np.array([T0 + minute * MINUTE for minute in minutes], dtype=np.int64)
    return news_table(scores, asset="BTC", scorers=SCORERS, credibility=CREDIBILITY, as_of_ms=times)


def bits(values: NDArray[np.float64]) -> list[bytes]:
    return [row.tobytes() for row in np.atleast_2d(values)]


def random_minutes(chance: random.Random, n: int) -> list[int]:
    return sorted(chance.sample(range(1, N_DAYS * 1_440), n))


# A second account of the features, by their definitions and one at a time.


def _texts(scores: Sequence[SentimentScored], time_ms: int) -> list[list[SentimentScored]]:
    """What is known of each version of an article, oldest first."""
    found: dict[tuple[int, str, int], list[SentimentScored]] = {}
    for event in scores:
        is_recent = time_ms - 7 * DAY < event.known_time_ms < time_ms
        if is_recent and CREDIBILITY.get(event.source, 1.0) > 0.0:
            found.setdefault((event.known_time_ms, event.article_id, event.version), []).append(event)
    return [found[key] for key in sorted(found)]


def _novelty(of: SentimentScored, before: Sequence[SentimentScored]) -> float:
    similar = [
        max(0.0, 1.0 - (int(of.sketch, 16) ^ int(one.sketch, 16)).bit_count() / 32)
        for one in before
        if one.article_id != of.article_id and of.known_time_ms - one.known_time_ms < 72 * HOUR
    ]
    return 1.0 - max(similar, default=0.0)


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    weight = sum(each for each, _ in pairs)
    return sum(each * value for each, value in pairs) / weight if weight else math.nan


def _spread(pairs: Sequence[tuple[float, float]]) -> float:
    mean = _mean(pairs)
    return math.sqrt(_mean([(weight, (value - mean) ** 2) for weight, value in pairs]))


def defined(scores: Sequence[SentimentScored], time_ms: int) -> dict[str, float]:
    texts = _texts(scores, time_ms)
    firsts = [text[0] for text in texts]
    newest = {event.article_id: event.version for event in firsts}
    counted = [
        (text, _novelty(text[0], firsts[:place]))
        for place, text in enumerate(texts)
        if newest[text[0].article_id] == text[0].version
    ]
    row = dict.fromkeys(SPEC.names, math.nan)
    slow: dict[str, list[tuple[float, float]]] = {}
    for window in reversed(WINDOWS):
        inside = [
            (CREDIBILITY.get(text[0].source, 1.0), time_ms - text[0].known_time_ms, text, novelty)
            for text, novelty in counted
            if time_ms - text[0].known_time_ms < window.milliseconds
        ]
        row[f"news_log_count_{window.name}"] = math.log1p(sum(trust for trust, *_ in inside))
        weighed = [
            (trust * (1 - age / window.milliseconds), text, novelty) for trust, age, text, novelty in inside
        ]
        row[f"news_novelty_{window.name}"] = _mean([(weight, novelty) for weight, _, novelty in weighed])
        means = []
        for scorer in SCORERS:
            pairs = [
                (weight, event.score)
                for weight, text, _ in weighed
                for event in text
                if event.scorer == scorer.name and event.score is not None
            ]
            slow.setdefault(scorer.name, pairs)
            end = f"_{window.name}"
            row[f"news_{scorer.name}_mean{end}"] = mean = _mean(pairs)
            if pairs:
                means.append(mean)
                negative = [(weight, float(score <= -0.05)) for weight, score in pairs]
                row[f"news_{scorer.name}_share_negative{end}"] = _mean(negative)
            if len(pairs) > 1:
                row[f"news_{scorer.name}_dispersion{end}"] = _spread(pairs)
            spread = _spread(slow[scorer.name]) if len(slow[scorer.name]) > 1 else 0.0
            if window != WINDOWS[-1] and spread > 1e-12:
                row[f"news_{scorer.name}_surprise{end}"] = (mean - _mean(slow[scorer.name])) / spread
        if len(means) > 1:
            row[f"news_disagreement_{window.name}"] = _spread([(1.0, mean) for mean in means])
    if counted:
        row["news_age_minutes"] = (time_ms - counted[-1][0][0].known_time_ms) / MINUTE
        row["news_novelty_newest"] = counted[-1][1]
    return row


@LAWS
@given(seed=SEEDS)
def test_features_are_what_their_definitions_say(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, chance.randrange(60), days=N_DAYS)
    minutes = random_minutes(chance, 12)
    found = table(scores, minutes)
    assert found.names == SPEC.names
    for place, minute in enumerate(minutes):
        expected = defined(scores, T0 + minute * MINUTE)
        np.testing.assert_allclose(
            found.values[place], list(expected.values()), rtol=1e-9, atol=1e-9, err_msg=str(minute)
        )


# Laws


@LAWS
@given(seed=SEEDS)
def test_nothing_older_than_its_memory_reaches_a_feature_to_the_bit(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, 80, days=N_DAYS)
    (minute,) = random_minutes(chance, 1)
    whole = table(scores, [minute]).values[0]
    for column, feature in enumerate(SPEC.features):
        since_ms = T0 + (minute - feature.memory_bars) * MINUTE
        young = [event for event in scores if event.known_time_ms > since_ms]
        assert bits(table(young, [minute]).values[0, column]) == bits(whole[column]), feature.name


@LAWS
@given(seed=SEEDS)
def test_nothing_that_was_known_later_changes_a_row(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, 60, days=N_DAYS)
    minutes = random_minutes(chance, 8)
    cut = chance.randrange(8)
    until_ms = T0 + minutes[cut] * MINUTE
    known = [event for event in scores if event.known_time_ms < until_ms]
    assert bits(table(known, minutes[: cut + 1]).values) == bits(table(scores, minutes).values)[: cut + 1]


@LAWS
@given(seed=SEEDS)
def test_other_rows_the_order_of_scores_and_repeats_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, 60, days=N_DAYS)
    minutes = random_minutes(chance, 8)
    mixed = chance.sample([*scores, *scores], 2 * len(scores))
    alone = [bits(table(mixed, [minute]).values)[0] for minute in minutes]
    assert alone == bits(table(scores, minutes).values)


def live_rows(events: Sequence[Event]) -> dict[int, NewsFeaturesComputed]:
    """The rows of BTC by minute."""
    operator, found = news_operator(), dict[int, NewsFeaturesComputed]()
    for event in events:
        for output in operator.step(NEWS_SENTIMENT, event):
            row = output.event
            if isinstance(row, NewsFeaturesComputed) and row.asset == "BTC":
                minute = (row.event_time_ms - T0) // MINUTE
                assert minute not in found
                found[minute] = row
    return found


def logged(
    chance: random.Random, scores: Sequence[SentimentScored], *, every_ms: int, until_ms: int
) -> list[Event]:
    """Scores between watermarks, which vouch for known times; between two of them they come in any order."""
    script: list[Event] = []
    for said_ms in range(0, until_ms, every_ms):
        since_ms = -math.inf if said_ms == 0 else T0 + said_ms - every_ms
        new = [event for event in scores if since_ms <= event.known_time_ms < T0 + said_ms]
        script += [*chance.sample(new, len(new)), passed(said_ms)]
    return script


def assert_rows_equal_batch(
    found: dict[int, NewsFeaturesComputed], scores: Sequence[SentimentScored]
) -> None:
    minutes = sorted(found)
    expected = table(scores, minutes)
    values = np.array([nan_from_null(found[minute].values.values()) for minute in minutes])
    assert bits(values) == bits(expected.values)
    assert [found[minute].n_articles for minute in minutes] == expected.n_articles.tolist()
    assert {row.feature_spec_hash for row in found.values()} == {expected.feature_spec_hash}


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_live_equals_batch_bit_for_bit(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, 50, days=8)
    scores += random_scores(chance, 20, days=8, asset="ETH")
    every_ms = chance.choice([7 * MINUTE + 1, HOUR, 23 * HOUR])
    found = live_rows(logged(chance, scores, every_ms=every_ms, until_ms=8 * DAY))
    assert len(found) > 6 * 1_440
    assert_rows_equal_batch(found, scores)


@LAWS
@given(seed=SEEDS)
def test_after_an_absence_live_equals_batch_and_the_absent_time_has_no_rows(seed: int) -> None:
    """The agent dies at ``from_ms``, and what it had not scored comes after the absence::

    |-- scores, watermarks --|  absent until ...  | scores of that time, watermarks of that time | --- |
    """
    chance = random.Random(seed)
    scores = random_scores(chance, 60, days=0.2)
    script = logged(chance, scores, every_ms=MINUTE, until_ms=int(0.2 * DAY))
    died = chance.randrange(1, len(script))
    from_ms = max(
        (event.event_time_ms - T0 for event in script[:died] if not isinstance(event, SentimentScored)),
        default=0,
    )
    until_ms = [from_ms + chance.randrange(1, 40) * 20_000 for _ in range(3)]
    said = [absent(from_ms, end_ms) for end_ms in sorted(until_ms)]
    found = live_rows([*script[:died], *said, *script[died:]])
    last = max(until_ms) // MINUTE
    assert not [minute for minute in found if from_ms // MINUTE < minute <= last]
    assert set(found) >= set(range(last + 1, int(0.2 * 1_440) - 1))
    assert_rows_equal_batch(found, scores)


@LAWS
@given(seed=SEEDS)
def test_score_that_comes_late_changes_the_rows_after_it_alone(seed: int) -> None:
    chance = random.Random(seed)
    scores = random_scores(chance, 40, days=0.1)
    script = logged(chance, scores, every_ms=MINUTE, until_ms=int(0.1 * DAY))
    cut = chance.randrange(len(script))
    until_ms = max([T0, *(event.known_time_ms for event in script[:cut])])
    late = [scored(10_000, known_ms=chance.randrange(until_ms - T0 + 1), score=-1.0)]
    found, before = live_rows([*script[:cut], *late, *script[cut:]]), live_rows(script)
    n_made = len([event for event in script[:cut] if not isinstance(event, SentimentScored)])
    assert all(found[minute] == before[minute] for minute in range(n_made))
    rest = {minute: row for minute, row in found.items() if minute >= n_made}
    if rest:
        assert_rows_equal_batch(rest, [*scores, *late])


def test_width_of_the_kernel_is_that_of_the_declarations() -> None:
    for n in range(len(SCORERS) + 1):
        assert width_of(n) == len(news_spec(SCORERS[:n], {}).names)


def test_two_versions_of_a_scorer_make_no_set() -> None:
    with pytest.raises(ValueError, match="one version of each scorer"):
        news_spec([SCORERS[0], SCORERS[0]], {})
