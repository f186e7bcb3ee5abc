"""News in the second-stage join: which row is joined, who is waited for, and that the tables give the same vectors."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from schemas.codec import nan_from_null, null_from_nan
from schemas.companions import NEWS, Companions, NewsCompanion
from schemas.events import Event, NewsFeaturesComputed, VectorComputed
from schemas.features import FeatureTable, NewsFeatureTable
from schemas.scorers import ScorerId
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, FEATURES_NEWS
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import news_row_spec, spec_of
from stream_processors.features.vectors import with_coin, with_companions, with_news
from stream_processors.operators.join_targets import features_partition, features_place
from stream_processors.operators.keys import parts_of
from stream_processors.operators.vectors import VectorOperator
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.keeping import kept
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, returned, silence, watermark
from tests.fixtures.operators import NEWS_COMPANION, feature_row, news_row

PLACE = (FEATURES_NEWS.name, 0)
ETH = "ETH-USDT.BINANCE"
SPEC_OF_NEWS = news_row_spec(NEWS_COMPANION)


def operator(companions: Companions | None = None) -> VectorOperator:
    beside = Companions(news=NEWS_COMPANION) if companions is None else companions
    return VectorOperator(partition=features_partition(INSTRUMENT), companions={INSTRUMENT: beside})


def vectors(machine: VectorOperator, *events: Event) -> list[VectorComputed]:
    found: list[VectorComputed] = []
    for event in events:
        outputs = (
            machine.step_beside(PLACE, event)
            if event.source == NEWS
            else machine.step(FEATURES_MARKET, event)
        )
        found += [output.event for output in outputs if isinstance(output.event, VectorComputed)]
    return found


def own(minute: int) -> Event:
    return feature_row(minute * MINUTE, number=float(minute))


def news(minute: int, asset: str = "BTC", companion: NewsCompanion = NEWS_COMPANION) -> NewsFeaturesComputed:
    return news_row(minute * MINUTE, number=float(minute), asset=asset, news=companion)


def passed(minute: int) -> Event:
    return watermark(minute * MINUTE, source=NEWS)


def test_row_waits_for_the_watermark_of_news_and_has_its_features_last() -> None:
    """::

    BTC   -- row 2 -----------------------|  out with the news of minute 2
    news  ----------- row 2 - watermark 2 -|
    """
    machine = operator()
    assert machine.places_beside == {PLACE}
    assert vectors(machine, own(2), news(2)) == []
    assert machine.needs_beside == {PLACE}
    assert [wait.companion for wait in machine.waits()] == [NEWS]
    (made,) = vectors(machine, passed(2))
    assert made.joined == {NEWS: T0 + 2 * MINUTE}
    assert made.feature_spec_hash == spec_of(Companions(news=NEWS_COMPANION)).hash
    assert tuple(made.values) == SPEC.names + SPEC_OF_NEWS.names
    assert [made.values[name] for name in SPEC_OF_NEWS.names] == list(news(2).values.values())


@pytest.mark.parametrize(("minute", "joined"), [(2, 2), (7, 2), (8, None)])
def test_news_of_at_most_five_minutes_is_joined(minute: int, joined: int | None) -> None:
    (made,) = vectors(operator(), news(2), passed(minute), own(minute))
    assert made.joined == {NEWS: None if joined is None else T0 + joined * MINUTE}
    assert {made.values[name] is None for name in SPEC_OF_NEWS.names[:4]} == {joined is None}


def test_news_of_other_assets_and_by_other_scorers_is_not_joined() -> None:
    another = NewsCompanion((ScorerId("vader", "0" * 16), NEWS_COMPANION.scorers[1]))
    (made,) = vectors(operator(), news(2, "ETH"), news(2, companion=another), passed(2), own(2))
    assert made.joined == {NEWS: None}


def test_row_of_news_alone_passes_no_cut_because_only_its_source_says_how_far_news_is() -> None:
    assert vectors(operator(), own(2), news(2), news(9)) == []


def test_no_close_waits_for_news_that_is_absent_and_what_returns_is_joined() -> None:
    """::

    BTC   row 1 ... row 6 ------------------|  1 to 4 out without news, 5 and 6 with it
    news  absent until 4 - returned - row 5, 6
    """
    machine = operator()
    absence = silence(0, absent_until_ms=4 * MINUTE + 1, source=NEWS)
    made = vectors(machine, *(own(minute) for minute in range(1, 7)), absence)
    assert [vector.joined[NEWS] for vector in made] == [None] * 4
    back = (returned(4 * MINUTE + 1, source=NEWS), news(5), passed(5), news(6), passed(6))
    assert [vector.joined[NEWS] for vector in vectors(machine, *back)] == [T0 + 5 * MINUTE, T0 + 6 * MINUTE]


def test_row_that_comes_after_the_absence_that_covers_it_is_joined_later_alike_in_any_order() -> None:
    script = (silence(0, absent_until_ms=4 * MINUTE + 1, source=NEWS), news(3), passed(6))
    rows = [own(minute) for minute in range(1, 7)]
    first, second = vectors(operator(), *script, *rows), vectors(operator(), *rows, *script)
    assert first == second
    assert [vector.joined[NEWS] for vector in first] == [None] * 4 + [T0 + 3 * MINUTE] * 2


def test_rows_of_news_are_let_go_a_day_after_the_targets_watermark() -> None:
    machine, day = operator(), 24 * 60
    for minute in range(1, day + 100):
        vectors(machine, news(minute), passed(minute), own(minute), watermark(minute * MINUTE))
    held = [parts_of(key) for key in kept(machine) if parts_of(key)[0] == "news"]
    assert len(held) <= day + 1
    assert not machine.holds_beside


def test_news_far_ahead_of_the_target_is_not_read_on() -> None:
    machine = operator()
    for minute in range(1, 1_100):
        vectors(machine, news(minute), passed(minute))
    assert machine.holds_beside == {PLACE}
    vectors(machine, *(own(minute) for minute in range(1, 200)))
    assert not machine.holds_beside


# The same as the tables


def news_table(n_rows: int, *, seed: int) -> NewsFeatureTable:
    """A row every minute, some missing, with numbers of any size."""
    chance = np.random.default_rng(seed)
    keep = chance.random(n_rows) > 0.1
    keep[100:110] = False
    values = chance.normal(size=(n_rows, len(SPEC_OF_NEWS.names)))
    values[chance.random(values.shape) < 0.2] = np.nan
    as_of_ms = T0 + MINUTE * np.arange(1, n_rows + 1, dtype=np.int64)
    return NewsFeatureTable(
        names=SPEC_OF_NEWS.names,
        feature_spec_hash=SPEC_OF_NEWS.hash,
        as_of_ms=as_of_ms[keep],
        n_articles=np.zeros(int(keep.sum()), dtype=np.int64),
        values=values[keep],
    )


def rows_of_news(table: NewsFeatureTable, n_rows: int) -> list[Event]:
    sample, rows = news(1), dict[int, Event]()
    for at, values in zip(table.as_of_ms.tolist(), table.values, strict=True):
        stated = dict(zip(table.names, null_from_nan(values), strict=True))
        rows[at] = NewsFeaturesComputed(
            event_time_ms=at, known_time_ms=at, source=NEWS, stream=sample.stream, asset="BTC",
            feature_spec_hash=table.feature_spec_hash, n_articles=0, values=stated,
        )  # fmt: skip
    return [
        event
        for minute in range(1, n_rows + 1)
        for event in (rows.get(T0 + minute * MINUTE), passed(minute))
        if event is not None
    ]


def rows_of(table: FeatureTable, instrument: str) -> list[Event]:
    sample = feature_row(0, instrument=instrument)
    made: list[Event] = []
    for number, at in enumerate(table.as_of_ms.tolist()):
        changes = {
            "event_time_ms": at,
            "known_time_ms": int(table.known_ms[number]),
            "close": float(table.close[number]),
            "is_warm": bool(table.is_warm[number]),
            "values": dict(zip(table.names, null_from_nan(table.values[number]), strict=True)),
        }
        made += [msgspec.structs.replace(sample, **changes), watermark(at - T0)]
    return made


def same(found: Sequence[VectorComputed], table: FeatureTable) -> None:
    values = np.array([nan_from_null(vector.values.values()) for vector in found])
    assert [vector.event_time_ms for vector in found] == table.as_of_ms.tolist()
    assert [vector.known_time_ms for vector in found] == table.known_ms.tolist()
    assert {vector.feature_spec_hash for vector in found} == {table.feature_spec_hash}
    assert tuple(found[0].values) == table.names
    assert values.tobytes() == table.values.tobytes()


@pytest.mark.parametrize("coin", [None, ETH])
def test_live_vectors_with_news_are_those_of_the_tables_to_the_bit(coin: str | None) -> None:
    tables = {name: compute_table(random_walk(400, seed=seed)) for seed, name in enumerate((INSTRUMENT, ETH))}
    companions, stated = Companions(coin=coin, news=NEWS_COMPANION), news_table(400, seed=3)
    machine = operator(companions)
    for event in rows_of_news(stated, 400):
        vectors(machine, event)
    if coin is not None:
        for event in rows_of(tables[coin], coin):
            list(machine.step_beside(features_place(coin), event))
    found = vectors(machine, *rows_of(tables[INSTRUMENT], INSTRUMENT))
    minute = Interval.ONE_MINUTE
    expected = with_companions(tables[INSTRUMENT], tables, companions, interval=minute, news=stated)
    same(found, expected)
    n_joined = sum(vector.joined[NEWS] is not None for vector in found)
    assert 300 < n_joined < 400


def test_tables_without_a_row_of_news_leave_its_features_undefined() -> None:
    table = compute_table(random_walk(50, seed=1))
    found = with_companions(
        table, {}, Companions(news=NEWS_COMPANION), interval=Interval.ONE_MINUTE, news=None
    )
    assert np.isnan(found.values[:, len(SPEC.names) :]).all()
    assert found.values[:, : len(SPEC.names)].tobytes() == table.values.tobytes()


def test_news_of_another_set_is_refused_and_other_companions_come_before_it() -> None:
    table, stated = compute_table(random_walk(50, seed=1)), news_table(50, seed=1)
    another = NewsCompanion(NEWS_COMPANION.scorers[:1])
    with pytest.raises(ValueError, match="expected the news features"):
        with_news(table, stated, another)
    joined = with_news(table, stated, NEWS_COMPANION)
    assert with_coin(table, table, interval=Interval.ONE_MINUTE).names[-1] == "coin_age"
    with pytest.raises(ValueError, match="news is joined after"):
        with_news(joined, stated, NEWS_COMPANION)
