"""The judge of the killed agent finds every kind of fault."""

import pytest
from msgspec.structs import replace

from schemas.events import Event, SentimentScored
from schemas.wire.kafka import Record
from stream_processors.agents.reading import Step
from stream_processors.agents.scoring import ArticleScoring
from tests.chaos.news.judging import judge_scores
from tests.chaos.news.options import read_options
from tests.fakes.scorers import prepare
from tests.fixtures.agents import SCORERS
from tests.fixtures.articles import article
from tests.fixtures.market_events import watermark

FED: list[Event] = [
    article(1),
    article(2),
    watermark(1, source="news"),
    article(3),
    watermark(2, source="news"),
]
IDS = [scorer.id for scorer in SCORERS]


def scored() -> list[Event]:
    nowhere = Record("", 0, 0, None, None, ())
    return [
        step.event for step in ArticleScoring(SCORERS, prepare).events([Step(each, nowhere) for each in FED])
    ]


def test_a_whole_run_has_no_fault():
    assert judge_scores(FED, scored(), IDS) == (6, 0, 0, 0, 0, 0, True)


def test_repeats_are_no_fault():
    found = scored()
    verdict = judge_scores(FED, [*found, *found], IDS)
    assert (verdict.n_repeated, verdict.n_lost, verdict.n_contradicting, verdict.n_early) == (6, 0, 0, 0)


def _contradicting(found: list[Event]) -> list[Event]:
    first = found[0]
    assert isinstance(first, SentimentScored)
    return [*found, replace(first, score=0.25), found[-1]]


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda found: found[1:], "n_lost"),
        (lambda found: [replace(found[0], article_id="f" * 24), *found], "n_strange"),
        (_contradicting, "n_contradicting"),
        (lambda found: [found[4], *found], "n_early"),
    ],
)
def test_each_fault_is_found(spoil, field):
    assert getattr(judge_scores(FED, spoil(scored()), IDS), field) > 0


def test_a_watermark_that_never_came_is_found():
    assert not judge_scores(FED, scored()[:-1], IDS).is_ended


def test_options_are_read_and_refused():
    assert read_options({"KILLS": "3", "BROKERS": "apache"}).n_kills == 3
    with pytest.raises(ValueError, match="BROKERS"):
        read_options({"BROKERS": "other"})
