"""Which instruments may answer for their asset, and the reasons why others do not."""

import pytest
from msgspec.structs import replace

from api.reading.healths import (
    BAR_LATENESS_MS,
    InstrumentFacts,
    Judging,
    why_unhealthy,
    why_without_bars,
    why_without_prediction,
)
from schemas.events import PriceObserved, SourceHealth, SourceHealthChanged
from schemas.targets import TargetPair
from schemas.time import Interval
from tests.contract.schemas.samples import SAMPLES
from tests.unit.api.events import AS_OF_MS, INSTRUMENT, M15, QUARTER_MS

MINUTE_MS = 60_000
M1 = Interval.ONE_MINUTE
TARGET = TargetPair(M15, M15)
LIVE = Judging(AS_OF_MS, is_by_wall_clock=True)
REPLAY = Judging(AS_OF_MS, is_by_wall_clock=False)
FACTS = InstrumentFacts(
    instrument=INSTRUMENT,
    source="binance",
    bars_ms={M15: AS_OF_MS, M1: AS_OF_MS},
    predictions_ms={TARGET: AS_OF_MS},
)


def said(state: SourceHealth, *, ago_ms: int = 0, answered_ago_ms: int | None = None) -> SourceHealthChanged:
    sample = SAMPLES["source_health_changed"]
    assert isinstance(sample, SourceHealthChanged)
    return replace(
        sample,
        source="binance",
        state=state,
        reason="It answers 451.",
        event_time_ms=AS_OF_MS - ago_ms,
        last_answer_ms=None if answered_ago_ms is None else AS_OF_MS - answered_ago_ms,
    )


def doubted(*, ago_ms: int = 0, is_quarantined: bool = True) -> PriceObserved:
    sample = SAMPLES["price_observed_in_quarantine"]
    assert isinstance(sample, PriceObserved)
    return replace(
        sample,
        event_time_ms=AS_OF_MS - ago_ms,
        is_quarantined=is_quarantined,
        reason="It is 3 % off." if is_quarantined else None,
    )


def test_an_instrument_with_current_data_of_which_nothing_bad_was_said_is_healthy():
    assert why_unhealthy(FACTS, LIVE) is None
    assert why_without_prediction(FACTS, TARGET, LIVE) is None


@pytest.mark.parametrize("state", [state for state in SourceHealth if state is not SourceHealth.REFUSED])
def test_of_the_states_of_a_source_only_refused_and_failing_count(state):
    reason = why_unhealthy(replace(FACTS, health=said(state)), LIVE)
    assert (reason is not None) == (state is SourceHealth.FAILING)


def test_a_refused_source_is_told_with_what_was_observed():
    reason = why_unhealthy(replace(FACTS, health=said(SourceHealth.REFUSED, answered_ago_ms=0)), REPLAY)
    assert reason == "its source binance is refused: It answers 451"


def test_health_that_nobody_repeated_is_not_believed_any_more():
    old = said(SourceHealth.REFUSED, ago_ms=20 * MINUTE_MS + 1)
    assert why_unhealthy(replace(FACTS, health=old), LIVE) is None


@pytest.mark.parametrize(("answered_ago_ms", "is_healthy"), [(60_000, True), (120_001, False), (None, False)])
def test_one_failed_round_after_an_answer_is_no_failure(answered_ago_ms, is_healthy):
    health = said(SourceHealth.FAILING, answered_ago_ms=answered_ago_ms)
    assert (why_unhealthy(replace(FACTS, health=health), LIVE) is None) == is_healthy


def test_a_price_in_quarantine_excludes_its_instrument_while_it_is_the_newest_and_recent():
    assert (
        why_unhealthy(replace(FACTS, price=doubted()), LIVE)
        == "its newest price is in quarantine: It is 3 % off"
    )
    assert why_unhealthy(replace(FACTS, price=doubted(is_quarantined=False)), LIVE) is None
    assert why_unhealthy(replace(FACTS, price=doubted(ago_ms=15 * MINUTE_MS + 1)), LIVE) is None


def test_an_absent_source_is_seen_by_its_missing_minutes():
    """::

    minute bars  |--|--|--|           now
    next close            ^..60 s..^  late from here on
    """
    at_bound = AS_OF_MS - MINUTE_MS - BAR_LATENESS_MS
    assert why_unhealthy(replace(FACTS, bars_ms={M1: at_bound}), LIVE) is None
    late = replace(FACTS, bars_ms={M1: at_bound - 1, M15: AS_OF_MS})
    assert why_unhealthy(late, LIVE) == (
        "its newest bar of 1m ended at 2025-06-15 15:12:59, and the next one is overdue"
    )
    assert why_unhealthy(late, REPLAY) is None
    assert why_unhealthy(late, Judging(None, is_by_wall_clock=True)) is None


def test_an_instrument_without_bars_is_not_healthy_in_any_run():
    assert why_unhealthy(replace(FACTS, bars_ms={}), REPLAY) == "it has no bar yet"
    assert why_without_bars(FACTS, Interval.ONE_HOUR, REPLAY) == "it has no bar of 1h yet"


def test_a_prediction_is_overdue_when_the_next_bar_has_closed_a_minute_ago():
    at_bound = AS_OF_MS - QUARTER_MS - BAR_LATENESS_MS
    assert why_without_prediction(replace(FACTS, predictions_ms={TARGET: at_bound}), TARGET, LIVE) is None
    overdue = replace(FACTS, predictions_ms={TARGET: at_bound - 1})
    assert "as of 2025-06-15 14:58:59" in (why_without_prediction(overdue, TARGET, LIVE) or "")
    assert (
        why_without_prediction(replace(FACTS, predictions_ms={}), TARGET, REPLAY)
        == "it has no prediction of 15m:15m yet"
    )
