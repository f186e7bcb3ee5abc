"""Bad input, case by case: what is refused, by which name, and what is let through on purpose.

``test_poison.py`` and the operators' tests show that the flow goes on behind it.
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
from tests.fixtures.market_events import tick

TICK = tick(3, 100.1, trade_id=4)
VALUE = codec.encode(TICK)
DEEP = 100_000
TEN_MB = 10_000_000
every_example = pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())


def topic_of(event: Event) -> Topic:
    return next(topic for topic in EVENT_TOPICS if type(event) in topic.events)


def with_field(raw: bytes) -> bytes:
    """A tick with a field that nobody declared."""
    return VALUE[:-1] + b',"added_later":' + raw + b"}"


def with_price(raw: bytes) -> bytes:
    return VALUE.replace(b"100.1", raw)


def with_source(raw: bytes) -> bytes:
    return VALUE.replace(b'"binance"', raw)


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


REFUSED = {
    "a tombstone": None,
    "nothing": b"",
    "white space": b" \n\t",
    "no object": b'"TickObserved"',
    "a byte order mark": b"\xef\xbb\xbf" + VALUE,
    "another encoding": VALUE.decode().encode("utf-16"),
    "two events in one message": VALUE + VALUE,
    "two lines of events": VALUE + b"\n" + VALUE,
    "a NUL behind the event": VALUE + b"\0",
    "a comma too many": VALUE[:-1] + b",}",
    "a comment": VALUE.replace(b",", b"/* x */,", 1),
    "single quotes": VALUE.replace(b'"', b"'"),
    "NaN": with_price(b"NaN"),
    "Infinity": with_price(b"Infinity"),
    "minus Infinity": with_price(b"-Infinity"),
    "a number beyond float64": with_price(b"1e999"),
    "a number of 400 digits": with_price(b"9" * 400),
    "a leading zero": with_price(b"0100.1"),
    "a plus sign": with_price(b"+100.1"),
    "a number in words": with_price(b'"100.1"'),
    "a whole number beyond 64 bits": VALUE.replace(b'"trade_id":4', b'"trade_id":18446744073709551616'),
    "a whole number of 10 MB": VALUE.replace(b'"trade_id":4', b'"trade_id":' + b"4" * TEN_MB),
    "a whole number with a fraction": VALUE.replace(b'"trade_id":4', b'"trade_id":4.0'),
    "NUL as an escape": with_source(b'"bin\\u0000ance"'),
    "NUL as an escape with capitals around": with_source(b'"\\u000A\\u0000"'),
    "NUL as a byte": with_source(b'"bin\0ance"'),
    "a control character": with_source(b'"bin\nance"'),
    "a lone high surrogate": with_source(b'"\\ud800"'),
    "a lone low surrogate": with_source(b'"\\udc00"'),
    "a surrogate and a letter": with_source(b'"\\ud83dx"'),
    "a surrogate as UTF-8": with_source(b'"\xed\xa0\x80"'),
    "an overlong form": with_source(b'"\xc0\x80"'),
    "bytes that are no UTF-8": with_source(b'"\xff\xfe"'),
    "a lone surrogate in an unknown field": with_field(b'"\\ud800"'),
    "a text without an end": VALUE[:-1] + b',"x":"',
    "two kinds in one": VALUE[:-1] + b',"type":"WatermarkAdvanced"}',
    "two kinds in the other order": b'{"type":"WatermarkAdvanced",' + VALUE[1:],
    "arrays without an end": b"[" * 1_000_000,
    "arrays without an end in an unknown field": VALUE[:-1] + b',"x":' + b"[" * 1_000_000,
    "deep arrays in an unknown field": with_field(b"[" * DEEP + b"]" * DEEP),
    "deep objects in an unknown field": with_field(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "deep arrays in a known field": with_source(b"[" * DEEP + b"]" * DEEP),
    "a name of 10 MB": with_source(b'"' + b"x" * TEN_MB + b'"'),
    "10 MB of nothing": b"\xff" * TEN_MB,
    "a kind of 10 MB": VALUE.replace(b"TickObserved", b"T" * TEN_MB),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_message_is_refused_soon_and_by_name(kind: str) -> None:
    from_s = time.perf_counter()
    with pytest.raises(DecodeError, match=r"market\.tick\.v1"):
        codec.decode(MARKET_TICK, REFUSED[kind])
    assert time.perf_counter() - from_s < 2


LET_THROUGH = {
    "white space around": b" \r\n" + VALUE + b"\t\n",
    "10 MB of white space": b" " * TEN_MB + VALUE,
    "fields in another order": msgspec.json.encode(dict(reversed(msgspec.json.decode(VALUE).items()))),
    "a name as escapes": with_source(b'"\\u0062inance"'),
    "a price with more digits than float64 holds": with_price(b"100.1" + b"0" * 1000),
    "an unknown field": with_field(b'{"a":[1,null,"x"]}'),
    "an unknown field of 10 MB": with_field(b'"' + b"x" * TEN_MB + b'"'),
    "an unknown array of 10 MB": with_field(b"[" + b"1," * (TEN_MB // 2) + b"1]"),
    "an unknown number beyond float64": with_field(b"1e999"),
    "an unknown number of 5,000 digits": with_field(b"9" * 5000),
    "900,000 unknown fields": VALUE[:-1] + b"".join(b',"k%d":1' % i for i in range(900_000)) + b"}",
    "NUL in an unknown field, which no store sees": with_field(b'"\\u0000"'),
    "moderately deep arrays in an unknown field": with_field(b"[" * 500 + b"]" * 500),
}


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
