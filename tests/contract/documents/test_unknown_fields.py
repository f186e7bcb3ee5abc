"""Fields that nobody declared: ignored by the codec, and found by whoever counts them."""

import msgspec
import pytest

from schemas import codec
from schemas.contracts.examples import EXAMPLES
from schemas.contracts.unknown_fields import UNREADABLE, unknown_fields
from schemas.events import Event
from schemas.topics import MARKET_TICK
from tests.fixtures.market_events import tick

TICK = tick(3, 100.1, trade_id=4)
VALUE = codec.encode(TICK)


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_what_the_platform_writes_has_none(event: Event) -> None:
    assert unknown_fields(event, codec.encode(event)) == []


@pytest.mark.parametrize(
    ("added", "names"),
    [
        (b',"venue":"x"', ["venue"]),
        (b',"b":1,"a":[{"c":null}]', ["b", "a"]),
        (b',"venue":1,"venue":2', ["venue"]),
        (b',"price":100.1', []),
        (b"  ", []),
        (b',"\\u0000":1', ["\0"]),
        (b',"\xff":1', [UNREADABLE]),
    ],
)
def test_names_are_found_in_what_decodes(added: bytes, names: list[str]) -> None:
    value = VALUE[:-1] + added + b"}"
    event = codec.decode(MARKET_TICK, value)
    assert event == TICK
    assert unknown_fields(event, value) == names


def test_other_spelling_of_the_same_event_has_none() -> None:
    value = msgspec.json.format(VALUE, indent=2)
    assert unknown_fields(codec.decode(MARKET_TICK, value), value) == []
