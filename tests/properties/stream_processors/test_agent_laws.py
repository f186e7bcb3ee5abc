"""Laws of the agent: whatever lies in the log, however it is cut into batches and wherever the agent dies."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BrokerUnavailableError
from schemas.events import Event, SentimentScored, SourceFellSilent, SourceReturned
from stream_processors.agents.reading import read_batch
from stream_processors.agents.scoring import ArticleScoring
from tests.fakes.scorers import NONSENSE, RAISES, REFUSED, UNPREPARED, prepare
from tests.fixtures.agents import (
    SCORERS,
    MemoryOutlet,
    check_scores,
    check_watermarks,
    events_in,
    flowed,
    records_of,
)
from tests.fixtures.articles import article
from tests.fixtures.market_events import watermark

_TITLES = st.sampled_from(["Bitcoin rises", "Bitcoin falls", RAISES, NONSENSE, REFUSED, UNPREPARED, "🚀 <b>"])


@st.composite
def logs(draw: st.DrawFn) -> list[Event | bytes]:
    """A log: articles with repeats and versions, watermarks, silences, returns, and bytes that are nothing."""
    made: list[Event | bytes] = []
    for number in range(draw(st.integers(1, 25))):
        match draw(st.integers(0, 9)):
            case 0 | 1 | 2 | 3:
                made.append(watermark(number * 1000, source="news"))
            case 4:
                made.append(b"nothing")
            case 5:
                made.append(_about(SourceFellSilent if draw(st.booleans()) else SourceReturned, number))
            case _:
                which, version = draw(st.integers(0, 6)), draw(st.integers(0, 1))
                asset = draw(st.sampled_from(["BTC", "ETH"]))
                title = draw(_TITLES)
                known_ms = which * 1000
                made.append(article(which, title=title, version=version, asset=asset, known_ms=known_ms))
    return _consistent(made)


def _about(kind: type[Event], number: int) -> Event:
    at_ms = watermark(number * 1000).event_time_ms
    return kind(event_time_ms=at_ms, known_time_ms=at_ms, source="news", stream=watermark(0).stream)


def _consistent(made: list[Event | bytes]) -> list[Event | bytes]:
    """The same fact has the same content, wherever it is repeated."""
    first: dict[object, Event] = {}
    return [
        each if isinstance(each, bytes) else first.setdefault((type(each), each.fact()), each)
        for each in made
    ]


def _articles(log: Sequence[Event | bytes]) -> list[Event]:
    return [each for each in log if isinstance(each, Event)]


@given(logs())
@settings(max_examples=60)
def test_every_article_has_one_score_of_each_scorer_and_watermarks_follow_them(
    log: list[Event | bytes],
) -> None:
    outlet = MemoryOutlet()
    flowed(records_of(log), outlet)
    check_scores(_articles(log), outlet.events)
    assert outlet.committed[-1] == (records_of(log)[-1].offset + 1, len(outlet.sent))


@given(logs(), st.data())
@settings(max_examples=60)
def test_an_agent_that_dies_anywhere_loses_nothing_and_says_the_same_again(
    log: list[Event | bytes], data: st.DataObject
) -> None:
    records, values = records_of(log), list[bytes | None]()
    n_deaths, at = data.draw(st.integers(1, 3)), 0
    for _ in range(n_deaths):
        outlet = MemoryOutlet(fails_at=data.draw(st.integers(0, 30)))
        left = [record for record in records if record.offset >= at]
        if not left:
            break
        try:
            flowed(left, outlet)
        except BrokerUnavailableError:
            n_published = data.draw(
                st.integers(outlet.committed[-1][1] if outlet.committed else 0, len(outlet.sent))
            )
            values += [each.value for each in outlet.sent[:n_published] if each.topic == "news.sentiment.v1"]
        else:
            values += outlet.values
        at = outlet.committed[-1][0] if outlet.committed else at
    left = [record for record in records if record.offset >= at]
    if left:
        outlet = MemoryOutlet()
        flowed(left, outlet)
        values += outlet.values
    check_scores(_articles(log), events_in(values))


@given(logs(), st.integers(1, 7))
@settings(max_examples=60)
def test_the_cut_into_batches_changes_no_score_and_no_order(log: list[Event | bytes], size: int) -> None:
    records = records_of(log)

    def scores(n: int) -> list[Event]:
        scoring = ArticleScoring(SCORERS, prepare)
        return [
            step.event
            for begin in range(0, len(records), n)
            for step in scoring.events(read_batch(records[begin : begin + n]).steps)
        ]

    whole, parts = scores(len(records)), scores(size)
    assert _scored(whole) == _scored(parts)
    for found in (whole, parts):
        check_watermarks(_articles(log), found, n_scorers=len(SCORERS))


def _scored(found: list[Event]) -> list[Event]:
    """The scores in their order, each once."""
    return list(dict.fromkeys(event for event in found if isinstance(event, SentimentScored)))


@pytest.mark.parametrize("title", [RAISES, NONSENSE, UNPREPARED])
def test_a_mistake_refuses_its_article_and_no_other(title: str) -> None:
    log = [article(1, title="Bitcoin rises"), article(2, title=title), article(3, title="Bitcoin falls")]
    outlet = MemoryOutlet()
    flowed(records_of(log), outlet)
    by_article = {event.article_id: event for event in outlet.events}  # type: ignore[attr-defined]
    assert [by_article[f"{n:024x}"].score is None for n in (1, 2, 3)] == [False, True, False]
    assert by_article[f"{2:024x}"].refusal
