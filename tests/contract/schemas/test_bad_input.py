"""Bad input, case by case: what is refused, by which name, and what is let through on purpose.

``tests/unit/stream_processors/test_bad_input.py`` shows that the flow goes on behind each.
"""

import time

import msgspec
import pytest

from schemas import codec
from schemas.contracts.examples import EXAMPLES
from schemas.errors import ContractError, DecodeError, InvariantError, SchemaVersionError
from schemas.events import Event
from schemas.sources import LARGEST_LEAD_MS
from schemas.topics import EVENT_TOPICS, FEATURES_MARKET, MARKET_TICK, Topic
from tests.fixtures.bad_messages import LET_THROUGH, REFUSED, TICK, VALUE

every_example = pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())


def topic_of(event: Event) -> Topic:
    return next(topic for topic in EVENT_TOPICS if type(event) in topic.events)


@every_example
def test_truncated_json_is_refused_wherever_it_ends(event: Event) -> None:
    value = codec.encode(event)
    for end in range(len(value)):
        with pytest.raises(DecodeError):
            codec.decode(topic_of(event), value[:end])


@every_example
def test_every_topic_refuses_the_events_of_the_others(event: Event) -> None:
    for topic in EVENT_TOPICS:
        if type(event) not in topic.events:
            with pytest.raises(DecodeError):
                codec.decode(topic, codec.encode(event))


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_message_is_refused_soon_and_by_name(kind: str) -> None:
    from_s = time.perf_counter()
    with pytest.raises(DecodeError, match=r"market\.tick\.v1"):
        codec.decode(MARKET_TICK, REFUSED[kind])
    assert time.perf_counter() - from_s < 2


@pytest.mark.parametrize("kind", LET_THROUGH)
def test_message_that_only_looks_bad_is_the_event_that_it_states(kind: str) -> None:
    from_s = time.perf_counter()
    assert codec.decode(MARKET_TICK, LET_THROUGH[kind]) == TICK
    assert time.perf_counter() - from_s < 2


def test_last_of_duplicate_keys_counts_as_in_every_json_library() -> None:
    value = VALUE[:-1] + b',"price":5.0,"source":"kraken"}'
    found = codec.decode(MARKET_TICK, value)
    assert (found.price, found.source) == (5.0, "kraken")


def test_backslash_in_a_name_is_not_taken_for_nul() -> None:
    r"""The six characters ``\u0000`` were refused as if they were NUL: decode(encode(e)) failed."""
    event = msgspec.structs.replace(TICK, source="\\u0000")
    assert codec.decode(MARKET_TICK, codec.encode(event)) == event


def test_nul_in_the_name_of_a_feature_is_refused() -> None:
    value = codec.encode(EXAMPLES["features_computed"]).replace(b"log_return_1", b"a\\u0000")
    with pytest.raises(DecodeError, match="NUL"):
        codec.decode(FEATURES_MARKET, value)


def test_more_features_than_a_row_can_hold_are_refused() -> None:
    many = ",".join(f'"k{i}":1' for i in range(1001)).encode()
    value = codec.encode(EXAMPLES["features_computed"]).replace(b'"log_return_1":0.1', many)
    with pytest.raises(DecodeError, match="length <= 1000"):
        codec.decode(FEATURES_MARKET, value)


def test_event_from_beyond_the_clock_skew_is_an_invariant_error() -> None:
    ahead = msgspec.structs.replace(TICK, known_time_ms=TICK.event_time_ms - LARGEST_LEAD_MS)
    assert codec.decode(MARKET_TICK, codec.encode(ahead)) == ahead
    beyond = msgspec.structs.replace(ahead, known_time_ms=ahead.known_time_ms - 1)
    with pytest.raises(InvariantError, match="ahead"):
        codec.decode(MARKET_TICK, codec.encode(beyond))


@pytest.mark.parametrize("stated", [b"2", b"", b"one", b"\xff", b"1" * 100])
def test_unknown_version_is_named_when_the_bytes_do_not_decode(stated: bytes) -> None:
    with pytest.raises(SchemaVersionError, match="schema version 1"):
        codec.decode(MARKET_TICK, b"{", [("schema-version", stated)])


@pytest.mark.parametrize("headers", [[], [("schema-version", b"1")], [("schema-version", None)]])
def test_known_or_missing_version_leaves_the_bytes_to_blame(headers: list) -> None:
    with pytest.raises(DecodeError):
        codec.decode(MARKET_TICK, b"{", headers)


@pytest.mark.parametrize("kind", REFUSED)
def test_reason_is_short_enough_for_a_header_once_it_is_cut(kind: str) -> None:
    """Ten megabytes of message must not become ten megabytes of log line."""
    with pytest.raises(ContractError) as raised:
        codec.decode(MARKET_TICK, REFUSED[kind], [("schema-version", b"x" * 1000)])
    assert len(str(raised.value)) < 5000
