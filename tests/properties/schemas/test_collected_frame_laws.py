"""The rules of collected tables: pandera and the plain arrays agree on any table, and a sound table keeps them all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.collected_frames import FRAME_COLUMNS, CollectedFrame, frame_rules, is_jump
from schemas.frames import MISSING_TIME, Columns, Fate, broken_rules, report_on

T0 = 1_750_000_000_000
_TIMES = st.one_of(
    st.integers(0, 8).map(lambda i: T0 + i * 60_000), st.sampled_from([MISSING_TIME, 0, T0 + 200_000])
)
_NUMBERS = st.sampled_from([np.nan, np.inf, -1.0, 0.0, 99.0, 100.0, 101.0, 250.0])


@st.composite
def tables(draw: st.DrawFn) -> tuple[CollectedFrame, Columns]:
    frame = draw(st.sampled_from(CollectedFrame))
    n = draw(st.integers(1, 12))
    columns = {}
    for name, of in FRAME_COLUMNS[frame].items():
        values = draw(st.lists(_NUMBERS if of == "float64" else _TIMES, min_size=n, max_size=n))
        columns[name] = np.array(values, dtype=of)
    return frame, columns


@settings(deadline=None, max_examples=60)
@given(tables())
def test_pandera_reports_what_the_arrays_say(table: tuple[CollectedFrame, Columns]) -> None:
    frame, columns = table
    rules = frame_rules(frame)
    reported = {(b.column, b.rule, b.row) for b in report_on(columns, rules, FRAME_COLUMNS[frame])}
    assert reported == {
        (rule.column, rule.name, int(row) + 1)
        for rule, rows in broken_rules(columns, rules).items()
        for row in np.flatnonzero(rows)
    }


@pytest.mark.parametrize("frame", CollectedFrame)
def test_every_rule_says_why(frame: CollectedFrame) -> None:
    names = [(rule.column, rule.name) for rule in frame_rules(frame)]
    assert len(set(names)) == len(names)
    assert all(rule.reason.endswith(".") for rule in frame_rules(frame))
    assert all(rule.column in FRAME_COLUMNS[frame] for rule in frame_rules(frame))


def _bars(n: int) -> dict[str, np.ndarray]:
    close = 60_000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 4e-4, n)))
    opened = np.concatenate(([60_000.0], close[:-1]))
    return {
        "start_ms": T0 + 60_000 * np.arange(n),
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close,
        "volume": np.full(n, 2.0),
        "buy_volume": np.where(np.arange(n) % 7 == 0, np.nan, 1.0),
    }


def test_a_sound_table_of_bars_keeps_every_rule() -> None:
    assert not broken_rules(_bars(5_000), frame_rules(CollectedFrame.BARS))


@given(st.integers(1, 2_998), st.floats(0.05, 0.9))
def test_one_wrong_close_is_an_outlier_when_it_comes_and_when_it_goes(at: int, share: float) -> None:
    close = _bars(3_000)["close"]
    close[at] *= 1 - share
    assert np.flatnonzero(is_jump(close)).tolist() == [at, at + 1]


def test_an_article_that_was_published_after_it_was_seen_is_rejected() -> None:
    rows = {
        "event_time_ms": np.array([T0, T0 + 3_600_000]),
        "known_time_ms": np.array([T0 + 5_000, T0 + 5_000]),
        "modified_ms": np.array([MISSING_TIME, MISSING_TIME]),
        "version": np.array([0, 0]),
    }
    ((rule, broken),) = broken_rules(rows, frame_rules(CollectedFrame.ARTICLES)).items()
    assert (rule.name, rule.fate) == ("is not after it was first seen", Fate.REJECTED)
    assert broken.tolist() == [False, True]
