"""Laws that every operator keeps, over every operator there is."""

import inspect
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Event
from schemas.topics import MARKET_BAR
from stream_processors.operators import articles, bars, market, news, outcomes, rolling_up, vectors
from stream_processors.operators.keys import parts_of
from stream_processors.operators.outcomes import OutcomesOperator
from tests.fixtures.market_events import STREAM
from tests.fixtures.operators import (
    N_KEPT_BARS,
    OPERATORS,
    Registered,
    Script,
    interleaved,
    outcome_inputs,
    progress_at,
    topic_of,
)

LAWS = settings(max_examples=30, deadline=None)
every_operator = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())


def run(operator: Registered, script: list[Event], state: Any = None) -> list[bytes]:
    held = operator.make() if state is None else state
    return [output for event in script for output in operator.step(held, event)]


def drawn(data: st.DataObject, operator: Registered, stream: str = STREAM) -> Script:
    return data.draw(operator.scripts(stream))


def test_every_operator_of_the_room_is_registered() -> None:
    found = {
        member
        for module in (articles, bars, market, news, outcomes, rolling_up, vectors)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__ and not member.__name__.startswith("_")
    }
    assert found == {type(operator.make()) for operator in OPERATORS.values()}


def stepped_and_kept(operator: Registered, script: Script, cuts: set[int]) -> tuple[Any, dict[bytes, bytes]]:
    """The script stepped, its changes asked for at some cuts and at the end."""
    held, entries = operator.make(), dict[bytes, bytes]()
    for number, event in enumerate(script):
        if number in cuts:
            operator.keep(held, entries)
        operator.step(held, event)
    operator.keep(held, entries)
    return held, entries


@every_operator
@LAWS
@given(data=st.data())
def test_restore_at_any_cut_from_all_changes_gives_the_same_later_outputs(
    operator: Registered, data: st.DataObject
) -> None:
    script = drawn(data, operator)
    cut = data.draw(st.integers(0, len(script)))
    asked = data.draw(st.sets(st.integers(0, cut)))
    held, entries = stepped_and_kept(operator, script[:cut], asked)
    assert run(operator, script[cut:], operator.restored(entries)) == run(operator, script[cut:], held)


@every_operator
@LAWS
@given(data=st.data())
def test_how_often_changes_are_asked_for_does_not_change_the_state(
    operator: Registered, data: st.DataObject
) -> None:
    script = drawn(data, operator)
    cut = data.draw(st.integers(0, len(script)))
    _, often = stepped_and_kept(operator, script[:cut], data.draw(st.sets(st.integers(0, cut))))
    _, once = stepped_and_kept(operator, script[:cut], set())
    rest = script[cut:]
    assert run(operator, rest, operator.restored(often)) == run(operator, rest, operator.restored(once))


@every_operator
@LAWS
@given(data=st.data())
def test_what_was_restored_has_not_changed(operator: Registered, data: st.DataObject) -> None:
    _, entries = stepped_and_kept(operator, drawn(data, operator), set())
    again = dict(entries)
    operator.keep(operator.restored(entries), again)
    assert again == entries


@pytest.mark.parametrize("name", [name for name, operator in OPERATORS.items() if operator.is_keyed])
@LAWS
@given(data=st.data())
def test_run_that_is_forgotten_leaves_nothing_and_begins_anew(name: str, data: st.DataObject) -> None:
    operator, other = OPERATORS[name], "replay-000000000002"
    here, there = drawn(data, operator), drawn(data, operator, other)
    held, entries = stepped_and_kept(operator, here, set())
    run(operator, there, held)
    if data.draw(st.booleans()):
        operator.keep(held, entries)
    held.forget(other)
    operator.keep(held, entries)
    assert not [key for key in entries if parts_of(key)[1] == other]
    assert run(operator, there, held) == run(operator, there)


@every_operator
@LAWS
@given(data=st.data())
def test_replaying_twice_gives_the_same_bytes(operator: Registered, data: st.DataObject) -> None:
    script = drawn(data, operator)
    assert run(operator, script) == run(operator, script)


@every_operator
@LAWS
@given(data=st.data())
def test_truncating_the_future_never_changes_the_past(operator: Registered, data: st.DataObject) -> None:
    script = drawn(data, operator)
    cut = data.draw(st.integers(0, len(script)))
    past = run(operator, script[:cut])
    assert run(operator, script)[: len(past)] == past


@every_operator
@LAWS
@given(data=st.data())
def test_inputs_are_left_as_they_were(operator: Registered, data: st.DataObject) -> None:
    script = drawn(data, operator)
    before = msgspec.json.encode(script)
    run(operator, script)
    assert msgspec.json.encode(script) == before


@pytest.mark.parametrize("name", [name for name, operator in OPERATORS.items() if operator.takes_repeats])
@LAWS
@given(data=st.data())
def test_record_that_comes_twice_changes_nothing(name: str, data: st.DataObject) -> None:
    operator = OPERATORS[name]
    script = drawn(data, operator)
    doubled = [event for event in script for _ in range(2)]
    assert run(operator, doubled) == run(operator, script)


@pytest.mark.parametrize("name", [name for name, operator in OPERATORS.items() if operator.is_keyed])
@LAWS
@given(data=st.data())
def test_unrelated_keys_interleave_freely(name: str, data: st.DataObject) -> None:
    operator = OPERATORS[name]
    here, there = drawn(data, operator), drawn(data, operator, "replay-000000000002")
    mixed = interleaved(here, there, data.draw(st.randoms(use_true_random=False)))
    outputs = run(operator, mixed)
    assert [output for output in outputs if STREAM.encode() in output] == run(operator, here)


@LAWS
@given(data=st.data())
def test_outcomes_do_not_hang_on_how_their_inputs_interleave(data: st.DataObject) -> None:
    """Nor on how far one of them is ahead: bars that are held wait for what ends the hold."""
    inputs = data.draw(outcome_inputs())
    expected = run(OPERATORS["outcomes"], [*inputs[1], *inputs[0]])
    held = OutcomesOperator(least_ahead=data.draw(st.integers(14, 80)), most_ahead=14)
    queues = {topic_of(script[0]).name: list(script) for script in inputs if script}
    # What is read first: a long stretch of one topic, or bit by bit.
    patience = data.draw(st.integers(1, 80))
    outputs: list[bytes] = []
    while any(queues.values()):
        free = [name for name, queue in queues.items() if queue and name not in held.holds]
        if not free:
            assert all(not queue for name, queue in queues.items() if name != MARKET_BAR.name)
            break  # a log whose progress ends early: the bars wait for more
        name = data.draw(st.sampled_from(sorted(free)))
        for _ in range(min(patience, len(queues[name]))):
            if name in held.holds:
                break
            outputs += OPERATORS["outcomes"].step(held, queues[name].pop(0))
    if not any(queues.values()):
        assert sorted(outputs) == sorted(expected)
    assert set(outputs) <= set(expected)


@LAWS
@given(data=st.data())
def test_hold_of_bars_ends_when_scoring_has_caught_up(data: st.DataObject) -> None:
    bars, made, progress = data.draw(outcome_inputs())
    held = OutcomesOperator(least_ahead=14, most_ahead=14)
    run_in = OPERATORS["outcomes"].step
    for event in progress[:1]:
        run_in(held, event)
    left = list(bars)
    while left and MARKET_BAR.name not in held.holds:
        run_in(held, left.pop(0))
    end = msgspec.structs.replace(progress_at(72, made), n_kept_bars=N_KEPT_BARS)
    for event in [*made, *progress[1:], end]:
        run_in(held, event)
    assert not held.holds


@LAWS
@given(data=st.data())
def test_vectors_do_not_hang_on_how_partitions_interleave(data: st.DataObject) -> None:
    operator = OPERATORS["vectors"]
    script = drawn(data, operator)
    sides = [[event for event in script if (event.source == "binance") is own] for own in (True, False)]
    again = interleaved(*sides, data.draw(st.randoms(use_true_random=False)))
    found, expected = run(operator, again), run(operator, script)
    assert _without_watermarks(found) == _without_watermarks(expected)
    assert found[-1:] == expected[-1:]  # the last watermark says that all is out


def _without_watermarks(outputs: list[bytes]) -> list[bytes]:
    return [output for output in outputs if b'"WatermarkAdvanced"' not in output]


@LAWS
@given(data=st.data())
def test_producer_that_goes_on_from_an_earlier_position_adds_no_bars(data: st.DataObject) -> None:
    """What comes again is a stretch, in its order, of candles and of the silences between them."""
    operator = OPERATORS["bar builder"]
    script = [event for event in drawn(data, operator) if type(event).__name__ == "CandleObserved"]
    script += [event for event in drawn(data, operator) if type(event).__name__ == "SourceFellSilent"]
    script.sort(key=lambda event: event.event_time_ms)
    cut = data.draw(st.integers(0, len(script)))
    back = data.draw(st.integers(0, cut))
    resumed = [*script[:cut], *script[back:]]
    assert run(operator, resumed) == run(operator, script)
