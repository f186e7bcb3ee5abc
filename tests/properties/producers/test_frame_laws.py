"""The two ways of driving a rule agree on any table: plain arrays, and pandera."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.frames import (
    CANDLE_COLUMNS,
    MISSING_TIME,
    Fate,
    broken_rules,
    candle_rules,
    report_on_candles,
)
from schemas.time import Interval

RULES = candle_rules(Interval.ONE_MINUTE)
times = st.one_of(st.integers(0, 8).map(lambda i: i * 60_000), st.sampled_from([MISSING_TIME, 60_001]))
numbers = st.sampled_from([np.nan, np.inf, -1.0, 0.0, 99.0, 100.0, 101.0])


@st.composite
def tables(draw):
    n = draw(st.integers(1, 12))
    columns = {"timestamp": np.array(draw(st.lists(times, min_size=n, max_size=n)), dtype=np.int64)}
    for name in CANDLE_COLUMNS[1:]:
        columns[name] = np.array(draw(st.lists(numbers, min_size=n, max_size=n)))
    return columns


@settings(deadline=None, max_examples=60)
@given(tables())
def test_pandera_reports_what_the_arrays_say(columns):
    broken = broken_rules(columns, RULES)

    reported = {(b.column, b.rule, b.row) for b in report_on_candles(columns, RULES)}

    assert reported == {
        (rule.column, rule.name, int(row) + 1)
        for rule, rows in broken.items()
        for row in np.flatnonzero(rows)
    }


@given(tables())
def test_what_is_left_is_a_table_of_candles(columns):
    left_out = np.zeros(len(columns["timestamp"]), dtype=bool)
    for rule, rows in broken_rules(columns, RULES).items():
        if rule.fate is not Fate.KEPT:
            left_out |= rows
    kept = {name: values[~left_out] for name, values in columns.items()}

    assert len(np.unique(kept["timestamp"])) == len(kept["timestamp"])
    assert (kept["low"] > 0).all()
    assert (kept["low"] <= np.minimum(kept["open"], kept["close"])).all()
    assert (kept["high"] >= np.maximum(kept["open"], kept["close"])).all()
