"""Which line of the ledger predicted when, with what scoring recorded."""

from hypothesis import given
from hypothesis import strategies as st

from api.scoring.starts import PromotionStart, TargetPromotions
from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.events import PromotionTookEffect
from tests.unit.api.events import INSTRUMENT, M15, promotion
from trainers.registry.serving import in_effect

TARGET = ModelTarget(instrument=INSTRUMENT, interval=M15, horizon=M15)


def line(version: str, effective_from_ms: int) -> LedgerEntry:
    return LedgerEntry(
        alias=CHAMPION,
        target=TARGET,
        version=version,
        model_hash="ab" * 32,
        stream="replay-test",
        effective_from_ms=effective_from_ms,
        recorded_ms=0,
        reason="a test",
    )


def record(entry: LedgerEntry, from_ms: int) -> PromotionTookEffect:
    return PromotionTookEffect(
        event_time_ms=from_ms,
        known_time_ms=from_ms,
        source="binance",
        stream=entry.stream,
        instrument=INSTRUMENT,
        interval=M15,
        horizon=M15,
        alias=entry.alias,
        model_version=entry.version,
        model_hash=entry.model_hash,
        effective_from_ms=entry.effective_from_ms,
        n_let_go=0,
    )


def test_line_predicts_from_its_recorded_time_on() -> None:
    """A backtest had a champion predict from the time that it was promoted for, and live from a later one."""
    lines = [line("a", 0), line("b", 20)]
    assert in_effect(lines, [record(lines[1], 50)]) == [(0, lines[0]), (50, lines[1])]


def test_line_without_a_record_predicts_from_when_it_was_meant_to() -> None:
    lines = [line("b", 20), line("a", 0)]
    assert in_effect(lines, []) == [(0, lines[1]), (20, lines[0])]


def test_line_that_started_when_a_greater_one_predicted_never_did() -> None:
    lines = [line("a", 0), line("b", 60), line("c", 20)]
    assert in_effect(lines, [record(lines[2], 80)]) == [(0, lines[0]), (60, lines[1])]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6), st.integers(0, 20))
def test_ledger_and_scoring_choose_the_same(drawn: list[tuple[int, int]], as_of_ms: int) -> None:
    lines = [line(f"model-{number}", effective_ms) for number, (effective_ms, _) in enumerate(drawn)]
    times = [max(pair) for pair in drawn]
    recorded = [record(entry, from_ms) for entry, from_ms in zip(lines, times, strict=True)]
    began = [entry.version for from_ms, entry in in_effect(lines, recorded) if from_ms <= as_of_ms]
    scoring = TargetPromotions(
        PromotionStart(
            promoted=promotion(entry.effective_from_ms, version=entry.version),
            number=number,
            from_ms=times[number],
        )
        for number, entry in enumerate(lines)
    )
    chosen = scoring.at(as_of_ms)
    assert (began[-1] if began else None) == (None if chosen is None else chosen.promoted.model_version)
