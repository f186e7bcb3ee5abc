"""Golden bytes, corrupted by hypothesis: what must hold for any bytes holds for these.

``make fuzz`` does the same for as long as one likes, guided by coverage.
"""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import EVENT_TOPICS, MARKET_TICK, Topic
from tests.fuzzing.edits import TOKENS, Edit, Of, edited, number
from tests.fuzzing.inputs import messages
from tests.fuzzing.oracle import ScanOracle, check

VALUES = list(messages().values())
OF_TICKS = [value for value in VALUES if b'"TickObserved"' in value or b'"WatermarkAdvanced"' in value]

positions = st.integers(0, 10_000)
tokens = st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8), st.sampled_from(VALUES))
numbers = st.builds(
    number, st.one_of(st.integers(0, 2**66), st.integers(2**52, 10**16 - 1)), st.integers(0, 18)
)
edits = st.one_of(
    st.builds(Edit, st.sampled_from([Of.BYTES, Of.PARTS]), positions, st.integers(0, 8), tokens),
    st.builds(Edit, st.just(Of.NUMBERS), positions, st.just(1), numbers),
)


@cache
def scanning() -> ScanOracle:
    return ScanOracle(OF_TICKS)


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(EVENT_TOPICS), st.sampled_from(VALUES), st.lists(edits, max_size=6))
def test_corrupted_message_is_refused_or_means_what_it_says(
    topic: Topic, value: bytes, changes: list[Edit]
) -> None:
    check(topic, edited(value, changes))


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(OF_TICKS), st.lists(edits, max_size=3))
def test_compiled_scan_says_what_the_codec_says(value: bytes, changes: list[Edit]) -> None:
    corrupted = edited(value, changes)
    check(MARKET_TICK, corrupted)
    scanning().check(corrupted)


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(OF_TICKS), numbers, st.sampled_from([b"100.1", b"0.25", b"4000000000"]))
def test_compiled_scan_reads_numbers_as_the_codec_does(value: bytes, said: bytes, instead_of: bytes) -> None:
    changed = value.replace(instead_of, said)
    check(MARKET_TICK, changed)
    scanning().check(changed)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EVENT_TOPICS), st.binary(max_size=200))
def test_any_bytes_at_all_are_refused(topic: Topic, value: bytes) -> None:
    assert check(topic, value) is None
