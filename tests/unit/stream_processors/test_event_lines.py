"""Records as lines and objects: readable, whatever lies in them, and harmless to a terminal."""

from io import StringIO

import msgspec
import pytest
from rich.console import Console

from schemas import codec
from schemas.contracts.examples import EXAMPLES
from schemas.events import Event
from schemas.topics import BY_NAME, EVENT_TOPICS, MARKET_TICK, Topic
from schemas.wire.kafka import Record
from stream_processors.inspection.event_lines import line_of, object_of
from stream_processors.inspection.tailing import ExaminedRecord, RecordFilter, examined
from stream_processors.inspection.topic_reports import duration
from stream_processors.operators.keys import key_of
from tests.fixtures.market_events import INSTRUMENT, STREAM, T0, tick

PUBLISHED_MS = T0 + 5


def record(
    value: bytes | None, *, topic: Topic = MARKET_TICK, key: bytes = INSTRUMENT.encode(), headers: tuple = ()
) -> Record:
    return Record(topic.name, 1, 7, key, value, headers, PUBLISHED_MS)


def shown(seen: ExaminedRecord, *, with_headers: bool = False, is_coloured: bool = False) -> str:
    console = Console(file=StringIO(), width=80, color_system="truecolor" if is_coloured else None)
    console.print(line_of(seen, with_headers=with_headers), soft_wrap=True, highlight=False)
    return console.file.getvalue()


def of_event(event: Event) -> ExaminedRecord:
    topic = next(topic for topic in EVENT_TOPICS if type(event) in topic.events)
    return examined(topic, record(codec.encode(event), topic=topic))


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_every_kind_of_event_is_one_line_with_its_time_key_and_kind(event: Event) -> None:
    line = shown(of_event(event))
    assert line.count("\n") == 1
    assert line.startswith("2025-06-01 0")
    assert f" {type(event).__name__} " in line
    assert event.stream in line


def test_line_names_the_fields_that_matter() -> None:
    line = shown(of_event(tick(3, 100.1, trade_id=9, size=1e-8)))
    assert "trade_id=9 price=100.1 size=1e-08 is_buyer_maker=false" in line


def test_hashes_are_shortened_and_undefined_is_null() -> None:
    line = shown(of_event(EXAMPLES["outcome_resolved_void"]))
    assert "model_hash=abababababab... " in line + " "
    assert "final_price=null" in line


def test_line_is_coloured_on_a_terminal_only() -> None:
    seen = of_event(tick(3, trade_id=9))
    assert "\x1b[" in shown(seen, is_coloured=True)
    assert "\x1b" not in shown(seen)


def test_headers_come_below_when_they_are_asked_for() -> None:
    seen = examined(MARKET_TICK, record(b"{}", headers=(("schema", b"X"), ("empty", None))))
    assert shown(seen, with_headers=True).endswith("\n    schema: X\n    empty: \n")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"{", "DecodeError"),
        (b"\xff\x00", "DecodeError"),
        (b'{"a":"' + b"x" * 1_000_000, "1,000,006 bytes"),
    ],
)
def test_message_that_is_no_event_is_shown_with_the_reason_and_where_it_lies(
    value: bytes | None, reason: str
) -> None:
    line = shown(examined(MARKET_TICK, record(value)))
    assert "1/7 DecodeError: " in line
    assert reason in line
    assert len(line) < 1000


def test_nothing_that_a_message_says_reaches_the_terminal_as_a_command() -> None:
    evil = "\x1b]0;title\x07\x1b[2J\r"
    event = msgspec.structs.replace(tick(3, trade_id=9), source=evil)
    for seen in (
        of_event(event),
        examined(MARKET_TICK, record(b"{}", key=evil.encode(), headers=((evil, evil.encode()),))),
    ):
        line = shown(seen, with_headers=True)
        assert not {"\x1b", "\x07", "\r"} & set(line)
        assert "\\x1b]0;title\\x07" in line


def test_time_that_no_calendar_holds_stays_a_number() -> None:
    event = msgspec.structs.replace(tick(3, trade_id=9), event_time_ms=2**53, known_time_ms=2**53)
    assert shown(of_event(event)).startswith(f"{2**53} ms  ")


def test_state_says_its_offsets_or_its_key_and_its_size_rather_than_its_bytes() -> None:
    topic = BY_NAME["changelog.market.v1"]
    value = msgspec.msgpack.encode({"offsets": {"market.tick.v1": 20_000}, "other": b"\x00" * 99})
    line = shown(examined(topic, record(value, topic=topic, key=b"head")))
    assert "checkpoint at market.tick.v1 20,000" in line
    assert f"({len(value)} bytes)" in line
    assert "another release" in shown(examined(topic, record(b"\xc1", topic=topic, key=b"head")))
    key = key_of("open", "live", "BTC-USDT.BINANCE")
    assert "state of open live BTC-USDT.BINANCE" in shown(examined(topic, record(b"", topic=topic, key=key)))
    assert "part of a state" in shown(examined(topic, record(b"", topic=topic, key=b"part")))


def test_dead_letter_says_which_message_and_why() -> None:
    topic = BY_NAME["dead_letters.market.v1"]
    headers = (
        ("letter-id", b"market.tick.v1/3/99"),
        ("error-class", b"DecodeError"),
        ("reason", b"expected a tick"),
    )
    line = shown(examined(topic, record(b"\xff", topic=topic, headers=headers)))
    assert "market.tick.v1/3/99 DecodeError: expected a tick" in line
    resolved = (("letter-id", b"market.tick.v1/3/99"), ("resolution", b"replayed"))
    assert "market.tick.v1/3/99 replayed" in shown(
        examined(topic, record(None, topic=topic, headers=resolved))
    )


def test_object_has_the_event_as_it_was_sent() -> None:
    event = tick(3, trade_id=9)
    seen = of_event(event)
    found = msgspec.json.decode(msgspec.json.encode(object_of(seen, with_headers=True)))
    assert found["event"] == msgspec.json.decode(codec.encode(event))
    assert (found["partition"], found["offset"], found["published_ms"]) == (1, 7, PUBLISHED_MS)
    assert found["headers"] == []


def test_object_of_a_bad_message_has_the_problem() -> None:
    found = object_of(examined(MARKET_TICK, record(b"{")), with_headers=False)
    assert found["problem"].startswith("DecodeError: ")
    assert "headers" not in found


@pytest.mark.parametrize(
    ("wanted", "is_shown"),
    [
        (RecordFilter(), True),
        (RecordFilter(key=INSTRUMENT), True),
        (RecordFilter(key="ETH-USDT.BINANCE"), False),
        (RecordFilter(stream=STREAM), True),
        (RecordFilter(stream="live"), False),
        (RecordFilter(key=INSTRUMENT, stream="live"), False),
    ],
)
def test_records_are_chosen_by_key_and_by_stream(wanted: RecordFilter, *, is_shown: bool) -> None:
    assert wanted.is_met_by(of_event(tick(3, trade_id=9))) is is_shown


def test_bad_message_belongs_to_no_stream() -> None:
    assert not RecordFilter(stream=STREAM).is_met_by(examined(MARKET_TICK, record(b"{")))
    assert RecordFilter(key=INSTRUMENT).is_met_by(examined(MARKET_TICK, record(b"{")))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "0.0 s"), (59.94, "59.9 s"), (250, "4m 10s"), (90_000, "1d 1h")]
)
def test_time_behind_is_said_in_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said
