"""Dead letters as records say them, as people choose them and as terminals show them."""

from io import StringIO

import pytest
from rich.console import Console

from schemas.errors import ConfigurationError
from schemas.wire.kafka import Record
from stream_processors.inspection.replaying import obstacle
from stream_processors.inspection.selecting import LetterFilter, SelectedLetter, select, time_of
from stream_processors.inspection.showing import (
    LONGEST_BODY,
    body,
    letter_as_json,
    letter_facts,
    letters_table,
)
from stream_processors.runtime.letters import (
    ConsumerLetters,
    DeadLetter,
    Headers,
    KeptValue,
    LetterResolution,
    ResolutionKind,
    attempts_of,
    letter_identity,
    read_letter,
    replay_headers,
    resolution_headers,
)

STATED = {
    "letter-id": b"market.tick.v1/3/17",
    "consumer": b"market",
    "reason": b"expected a tick",
    "error-class": b"DecodeError",
    "topic": b"market.tick.v1",
    "partition": b"3",
    "offset": b"17",
    "attempts": b"2",
    "event-time-ms": b"5",
    "value-kept": b"whole",
    "value-bytes": b"4",
    "value-sha256": b"ab",
    "message-key": b"KEY",
    "original-schema": b"TickObserved",
    "original-replay-of": b"market.tick.v1/3/9",
    "original-replay-attempts": b"1",
}


def record(
    headers: dict[str, bytes] | Headers = STATED,
    *,
    value: bytes | None = b"body",
    offset: int = 0,
    at_ms: int = 1000,
) -> Record:
    pairs = headers.items() if isinstance(headers, dict) else headers
    found = [(name, content) for name, content in pairs if isinstance(content, bytes)]
    return Record("dead_letters.market.v1", 0, offset, b"", value, found, at_ms)


def letter(**altered: bytes) -> DeadLetter:
    found = read_letter(record(STATED | {name.replace("_", "-"): value for name, value in altered.items()}))
    assert isinstance(found, DeadLetter)
    return found


def mailbox(*records: Record) -> dict[str, ConsumerLetters]:
    made = ConsumerLetters()
    for one in records:
        made.take(one)
    return {"market": made}


def resolved(how: ResolutionKind, *, at_ms: int = 2000) -> Record:
    return record(resolution_headers(letter(), how, reason="seen"), value=b"", at_ms=at_ms)


def test_letter_says_what_its_headers_say() -> None:
    found = letter()
    assert (found.letter_id, found.topic, found.partition, found.offset) == (
        "market.tick.v1/3/17",
        "market.tick.v1",
        3,
        17,
    )
    assert (found.key, found.attempts, found.kept, found.put_aside_ms) == (b"KEY", 2, KeptValue.WHOLE, 1000)
    assert dict(found.headers)["schema"] == b"TickObserved"


def test_headers_of_a_replay_are_the_messages_own_and_those_of_this_replay_alone() -> None:
    made = replay_headers(letter())
    assert made == [
        ("schema", b"TickObserved"),
        ("replay-of", b"market.tick.v1/3/17"),
        ("replay-attempts", b"2"),
    ]
    assert attempts_of([(name, value) for name, value in made if isinstance(value, bytes)]) == 3
    assert attempts_of([]) == 1
    assert attempts_of([("replay-attempts", b"many")]) == 1


@pytest.mark.parametrize("how", ResolutionKind)
def test_resolution_closes_its_letter_wherever_it_stands(how: ResolutionKind) -> None:
    for records in (
        [record(), resolved(how)],
        [resolved(how), record()],
        [record(), resolved(how), record()],
    ):
        (selected,) = select(mailbox(*records), LetterFilter(), with_resolved=True)
        assert selected.resolution is not None
        assert (selected.resolution.how, selected.resolution.reason) == (how, "seen")
        assert select(mailbox(*records), LetterFilter()) == []


def test_letter_that_comes_again_stays_as_it_was_first() -> None:
    found = mailbox(record(offset=1, at_ms=1), record(offset=5, at_ms=9))["market"].open()
    assert [(one.dead_offset, one.put_aside_ms) for one in found] == [(1, 1)]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "dead_letters.market.v1/0/7"),
        ({"reason": b"\xff"}, "dead_letters.market.v1/0/7"),
        ({"file": b"a.parquet", "row": b"4", "column": b"close"}, "a.parquet/4/close"),
        ({"resolution": b"forgotten", "letter-id": b"x/0/1"}, "x/0/1"),
        ({"letter-id": b"x/0/1", "partition": b"three", "attempts": b""}, "x/0/1"),
    ],
)
def test_nothing_in_a_dead_letter_topic_is_unreadable(headers: dict[str, bytes], name: str) -> None:
    one = record(headers, offset=7)
    found = read_letter(one)
    assert found.letter_id == name
    assert letter_identity(one) == (name, isinstance(found, LetterResolution))


@pytest.mark.parametrize(
    ("altered", "why"),
    [
        ({}, None),
        ({"value_kept": b"tombstone"}, None),
        ({"value_kept": b"cut", "value_bytes": b"9000000"}, "only a part of its 9000000 bytes"),
        ({"topic": b"market.trade.v9"}, "no partition 3 of market.trade.v9"),
        ({"partition": b"99"}, "no partition 99"),
        ({"partition": b""}, "market.tick.v1"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(
    altered: dict[str, bytes], why: str | None
) -> None:
    found = obstacle(letter(**altered))
    assert found is None if why is None else found is not None and why in found


def test_filters_are_all_to_be_passed() -> None:
    found = mailbox(record(at_ms=5000))
    assert len(select(found, LetterFilter("market", "DecodeError", "market.tick.v1", 5000))) == 1
    for filters in (
        LetterFilter("history"),
        LetterFilter(None, "Other"),
        LetterFilter(topic="x"),
        LetterFilter(since_ms=5001),
    ):
        assert select(found, filters) == []


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("30s", 86_370_000),
        ("90m", 81_000_000),
        ("1d", 0),
        ("1970-01-01T01:00", 3_600_000),
        ("1970-01-01T01:00+01:00", 0),
    ],
)
def test_times_are_ages_or_iso_8601(text: str, time_ms: int) -> None:
    assert time_of(text, now_ms=86_400_000) == time_ms


@pytest.mark.parametrize("text", ["", "m", "1.5h", "-1h", "²h", "yesterday"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be an ISO time"):
        time_of(text, now_ms=0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "(a tombstone: no value)"),
        (b"", "(an empty value)"),
        (b'{"a":1}', '{\n  "a": 1\n}'),
        (b'{"a":', '{"a":'),
        (b"plain\ntext", "plain\ntext"),
        (b"\x1b[2Jcleared", "\\x1b[2Jcleared"),
        (b"\xff\x00A", "00000000  ff 00 41                                         ..A"),
    ],
)
def test_bodies_are_shown_so_that_no_terminal_obeys_them(value: bytes | None, shown: str) -> None:
    assert body(value) == shown


def test_body_that_is_long_is_cut_between_characters() -> None:
    shown = body("€".encode() * LONGEST_BODY)
    assert shown.startswith("€")
    assert "more bytes; --raw writes all" in shown


def test_tables_show_what_a_message_says_as_text() -> None:
    hostile = letter(reason=b"[bold]\x1b]0;owned\x07", error_class=b"[/]", letter_id=b"[/]/1/2")
    console = Console(width=250, file=StringIO())
    console.print(letters_table([SelectedLetter(hostile, None)], now_ms=8_000))
    console.print(letter_facts(SelectedLetter(hostile, None), now_ms=8_000))
    text = console.file.getvalue()
    assert "[bold]\\x1b]0;owned\\x07" in text
    assert "\x1b" not in text
    assert "7s" in text


def test_letter_as_json_holds_what_a_script_needs() -> None:
    found = letter_as_json(SelectedLetter(letter(), None), now_ms=3_500)
    assert (found["age_s"], found["key"], found["obstacle"], found["resolution"]) == (2.5, "KEY", None, None)
    assert ("schema", "TickObserved") in found["headers"]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_listed_reasons_are_whole_however_narrow_the_terminal(width: int) -> None:
    """The list cut reasons after 70 characters, before the part that says what is wrong."""
    reason = "Postgres refuses the row: 23514 " + " ".join(f"word{i}" for i in range(60)) + " x" * 40
    one = letter(reason=reason.encode())
    console = Console(width=width, record=True, file=StringIO())
    console.print(letters_table([SelectedLetter(one, None)], now_ms=8_000))
    cells = [line.split("│")[-2].strip() for line in console.export_text().splitlines() if "│" in line]
    assert " ".join(" ".join(cells).split()) == reason
    assert letter_as_json(SelectedLetter(one, None), now_ms=0)["reason"] == reason
