"""The judged pairs, and that the operator agrees with them on the recorded articles."""

import re
from pathlib import Path

import pytest

from schemas.events import ArticleLinked
from schemas.topics import NEWS_ARTICLE
from stream_processors.operators.articles import ArticlesOperator
from tests.benchmarks.duplicates.articles import recorded_articles
from tests.benchmarks.duplicates.events import events_of_recorded
from tests.benchmarks.duplicates.judged import Confusion, confusion_of, judged_pairs, share


def test_pairs_are_spread_evenly_and_hold_no_texts() -> None:
    pairs = judged_pairs()
    assert len({(pair.first, pair.second) for pair in pairs}) == 200
    assert [sum(pair.tenth == tenth for pair in pairs) for tenth in range(10)] == [20] * 10
    assert all(re.fullmatch("[0-9a-f]{24}", name) for pair in pairs for name in (pair.first, pair.second))


def test_share_states_what_so_many_cases_can_tell() -> None:
    found = share(33, 34)
    assert [round(number, 3) for number in found] == [0.971, 0.851, 0.995]
    assert share(0, 0) == (0.0, 0.0, 1.0)


def test_two_copies_of_a_third_article_are_linked() -> None:
    pair = judged_pairs()[-1]
    assert pair.is_copy
    assert confusion_of([pair], {pair.first: "a", pair.second: "a"}) == Confusion(1, 0, 0)
    assert confusion_of([pair], {pair.first: "a"}) == Confusion(0, 0, 1)
    assert confusion_of([pair._replace(is_copy=False)], {pair.second: pair.first}) == Confusion(0, 1, 0)


@pytest.mark.slow
@pytest.mark.recorded
def test_links_of_the_recorded_articles_agree_with_the_judged_pairs(recorded_data: Path) -> None:
    operator = ArticlesOperator()
    first_of: dict[str, str] = {}
    for event in events_of_recorded(recorded_articles(recorded_data)):
        for output in operator.step(NEWS_ARTICLE, event):
            assert isinstance(output.event, ArticleLinked)
            first_of[output.event.article_id] = output.event.first_article_id
    confusion = confusion_of(judged_pairs(), first_of)
    assert confusion.precision.value >= 0.9
    assert confusion.recall.value >= 0.9
