"""The codec: round trips, golden bytes, and how each kind of bad message is refused."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import ContractError, DecodeError, InvariantError, SchemaVersionError
from schemas.events import Event, FeaturesComputed, TickObserved
from schemas.topics import EVENT_TOPICS, FEATURES_MARKET, MARKET_CANDLE, MARKET_TICK, Topic
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import candle, tick

GOLDEN = Path(__file__).parent.parent / "golden" / "events_v1.jsonl"
every_sample = pytest.mark.parametrize("event", SAMPLES.values(), ids=SAMPLES.keys())


def topics_of(event: Event) -> list[Topic]:
    return [topic for topic in EVENT_TOPICS if type(event) in topic.events]


def test_every_kind_of_event_has_a_sample() -> None:
    kinds = {kind for topic in EVENT_TOPICS for kind in topic.events}
    assert {type(event) for event in SAMPLES.values()} == kinds


@every_sample
def test_event_comes_back_as_it_was(event: Event) -> None:
    for topic in topics_of(event):
        assert codec.decode(topic, codec.encode(event)) == event


@pytest.mark.parametrize("name", SAMPLES)
def test_bytes_of_version_1_are_the_golden_ones(name: str) -> None:
    """A change here is a change of the contract: it needs a version, not a new golden file."""
    golden = dict(line.split(b" ", 1) for line in GOLDEN.read_bytes().splitlines())
    event = SAMPLES[name]
    assert codec.encode(event) == golden[name.encode()]
    assert codec.decode(topics_of(event)[0], golden[name.encode()]) == event


@pytest.mark.parametrize("name", ["prediction_made", "outcome_resolved"])
def test_champion_that_is_named_gives_the_same_bytes_as_one_that_is_not(name: str) -> None:
    """A name that equals the default and is another object was written out."""
    value = codec.encode(SAMPLES[name])
    named = codec.decode(topics_of(SAMPLES[name])[0], value[:-1] + b',"arm":"champion"}')
    built = msgspec.structs.replace(SAMPLES[name], arm=b"champion".decode())
    assert codec.encode(named) == codec.encode(built) == value


@given(st.floats(min_value=5e-324, max_value=1e15), st.floats(min_value=0, max_value=1e15))
def test_numbers_come_back_to_the_bit(price: float, size: float) -> None:
    event = tick(0, price, trade_id=1, size=size)
    assert codec.decode(MARKET_TICK, codec.encode(event)) == event


@every_sample
def test_unknown_fields_are_ignored(event: Event) -> None:
    value = codec.encode(event)[:-1] + b',"added_later":{"x":[1]}}'
    assert codec.decode(topics_of(event)[0], value) == event


@every_sample
def test_each_missing_required_field_is_a_decode_error(event: Event) -> None:
    whole = msgspec.json.decode(codec.encode(event))
    optional = {field.name for field in msgspec.structs.fields(event) if not field.required}
    if len(topics_of(event)[0].events) == 1:
        optional.add("type")  # a topic of one kind of event is not asked which it is
    for name in set(whole) - optional:
        value = msgspec.json.encode({key: content for key, content in whole.items() if key != name})
        with pytest.raises(DecodeError, match=name):
            codec.decode(topics_of(event)[0], value)


@every_sample
def test_each_field_of_a_wrong_type_is_a_decode_error(event: Event) -> None:
    whole = msgspec.json.decode(codec.encode(event))
    for name in whole:
        with pytest.raises(DecodeError):
            codec.decode(topics_of(event)[0], msgspec.json.encode(whole | {name: [1]}))


def altered(**fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(codec.encode(tick(0, trade_id=1))) | fields)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"type":"TickObserved"',
        altered(type="TickImagined"),
        altered(type="CandleObserved"),
        altered(price=0.0),
        altered(price=-1.0),
        altered(price=None),
        altered(size=-1e-9),
        altered(source=""),
        altered(stream="x" * 201),
        altered(event_time_ms=1.5),
        altered(event_time_ms="1"),
        codec.encode(tick(0, trade_id=1)).replace(b"100.0", b"NaN"),
        codec.encode(tick(0, trade_id=1)).replace(b"100.0", b"1e999"),
        codec.encode(tick(0, trade_id=1)).replace(b"binance", b"bin\xffance"),
    ],
)
def test_message_that_is_no_event_of_the_topic_is_a_decode_error(value: bytes | None) -> None:
    with pytest.raises(DecodeError, match=r"market\.tick\.v1"):
        codec.decode(MARKET_TICK, value)


@pytest.mark.parametrize(
    "value",
    [
        altered(trade_id=2**63),
        altered(trade_id=-(2**63) - 1),
        altered(event_time_ms=2**64 - 1),
        altered(known_time_ms=2**54),
        altered(stream="a\0b"),
    ],
)
def test_value_that_no_store_can_hold_is_a_decode_error(value: bytes) -> None:
    """Such a message decoded, Postgres refused it, and the history sink crashed on it for good."""
    with pytest.raises(DecodeError):
        codec.decode(MARKET_TICK, value)


def test_stated_version_that_is_unknown_is_named_when_the_bytes_do_not_decode() -> None:
    with pytest.raises(SchemaVersionError, match="2"):
        codec.decode(MARKET_TICK, b"{}", [("schema-version", b"2")])


def test_stated_version_is_not_read_when_the_bytes_decode() -> None:
    event = tick(0, trade_id=1)
    assert codec.decode(MARKET_TICK, codec.encode(event), [("schema-version", b"2")]) == event


@pytest.mark.parametrize(
    ("prices", "shifted"),
    [
        ((100.0, 99.0, 98.0, 98.5), {}),
        ((100.0, 101.0, 100.5, 100.6), {}),
        ((100.0, 101.0, 99.0, 102.0), {}),
        ((100.0, 101.0, 99.0, 100.0), {"start_ms": 1}),
        ((100.0, 101.0, 99.0, 100.0), {"event_time_ms": 1}),
    ],
)
def test_impossible_candle_is_an_invariant_error(
    prices: tuple[float, float, float, float], shifted: dict[str, int]
) -> None:
    found = msgspec.json.decode(codec.encode(candle(0, prices)))
    moved = {name: found[name] + by for name, by in shifted.items()}
    with pytest.raises(InvariantError):
        codec.decode(MARKET_CANDLE, msgspec.json.encode(found | moved))


@pytest.mark.parametrize(
    ("name", "changed", "complaint"),
    [
        ("quote_observed", {"bid": 100.75}, "best bid"),
        ("article_published", {"asset": "SOL"}, "SOL"),
        ("article_published", {"event_time_ms": 1_748_736_155_001}, "ahead"),
    ],
)
def test_impossible_quote_or_article_is_an_invariant_error(
    name: str, changed: dict[str, object], complaint: str
) -> None:
    whole = msgspec.json.decode(codec.encode(SAMPLES[name]))
    with pytest.raises(InvariantError, match=complaint):
        codec.decode(topics_of(SAMPLES[name])[0], msgspec.json.encode(whole | changed))


@pytest.mark.parametrize("field", ["categories", "assets"])
def test_list_of_texts_with_a_nul_is_a_decode_error(field: str) -> None:
    """The codec looked for the character in texts and objects, and not in lists."""
    event = SAMPLES["article_published"]
    whole = msgspec.json.decode(codec.encode(event))
    value = msgspec.json.encode(whole | {field: [*whole[field], "a\0b"]})
    with pytest.raises(DecodeError, match="NUL"):
        codec.decode(topics_of(event)[0], value)


def test_candle_without_taker_volume_has_the_bytes_of_earlier_releases() -> None:
    event = SAMPLES["candle_observed_without_trades"]
    assert codec.encode(event).endswith(b'"n_trades":null,"revision":0}')
    assert codec.decode(MARKET_CANDLE, codec.encode(event)) == event


@given(st.binary(max_size=60))
def test_no_bytes_at_all_escape_the_error_tree(value: bytes) -> None:
    for topic in EVENT_TOPICS:
        with pytest.raises(ContractError):
            codec.decode(topic, value)


def test_undefined_numbers_cross_as_null() -> None:
    values = codec.null_from_nan([1.5, math.nan, -0.0])
    assert values == [1.5, None, -0.0]
    np.testing.assert_array_equal(codec.nan_from_null(values), [1.5, math.nan, -0.0])
    event = SAMPLES["features_computed_cold"]
    assert b'"log_return_1":null' in codec.encode(event)
    assert isinstance(codec.decode(FEATURES_MARKET, codec.encode(event)), FeaturesComputed)


@every_sample
def test_headers_name_schema_version_and_content(event: Event) -> None:
    assert codec.headers(type(event)) == [
        ("schema", type(event).__name__.encode()),
        ("schema-version", b"1"),
        ("content-type", b"application/json"),
    ]


def test_headers_without_a_trace_are_made_once_and_stay_as_they_are_when_one_is_added() -> None:
    plain = codec.headers(TickObserved)
    traced = codec.headers(TickObserved, "ab" * 16)
    assert traced == [*plain, ("trace-id", b"ab" * 16)]
    assert codec.headers(TickObserved) is plain
    assert len(plain) == 3


def test_trace_id_is_a_function_of_the_bytes_of_the_length_that_traces_have() -> None:
    """The constant is RFC 7693's BLAKE2b of no bytes, with a digest of 16."""
    assert codec.trace_id(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert codec.trace_id(b"1") != codec.trace_id(b"2")
    assert codec.trace_id(b"1") == codec.trace_id(b"1")
