"""Batches and single events lead to the same: outputs, states, and what is put aside."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event, TickObserved, WatermarkAdvanced
from schemas.topics import MARKET_TICK
from stream_processors.operators.protocols import Stepped, step_each, step_values
from stream_processors.operators.ticks.columns import TickScanner
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.scanning import FIRST_GROUP
from tests.fixtures.keeping import keep
from tests.fixtures.market_events import tick, watermark
from tests.fixtures.operators import OPERATORS, tick_scripts

LAWS = settings(max_examples=60, deadline=None)
#: Event time, known time and epoch of a watermark.
N_TIMES = 3
BROKEN = [b"", b"{", b"null", b'{"type":"TickObserved"}', b'{"type":"Other"}', None]


def no_headers(_number: int) -> list[tuple[str, bytes]]:
    return []


@st.composite
def messages(draw: st.DrawFn) -> list[bytes | None]:
    """Several instruments and streams of one partition, with what breaks the contract in between."""
    scripts: list[list[Event]] = [
        [event for event in draw(tick_scripts(name, stream)) if type(event).__name__ != "CandleObserved"]
        for name, stream in (
            ("BTC-USDT.BINANCE", "live"),
            ("ETH-USDT.BINANCE", "live"),
            ("A-B.C", "replay-1"),
        )
    ]
    mixed: list[bytes | None] = []
    while any(scripts):
        script = draw(st.sampled_from([script for script in scripts if script]))
        mixed.append(codec.encode(script.pop(0)))
        if draw(st.integers(0, 9)) == 0:
            mixed.append(draw(st.sampled_from(BROKEN)))
    return mixed


def described(stepped: Stepped, offset: int) -> tuple[list[Any], list[Any]]:
    return (
        [(i + offset, o.topic.name, o.key, codec.encode(o.event)) for i, o in stepped.outputs],
        [(i + offset, type(error), str(error)) for i, error in stepped.rejected],
    )


def newest_clock(stepped: Stepped) -> dict[str, int]:
    clocks: dict[str, int] = {}
    for event in stepped.seen:
        if isinstance(event, WatermarkAdvanced):
            clocks[event.stream] = max(event.event_time_ms, clocks.get(event.stream, event.event_time_ms))
    return clocks


@LAWS
@given(values=messages(), data=st.data())
def test_batches_of_any_size_lead_to_what_single_events_lead_to(
    values: list[bytes | None], data: st.DataObject
) -> None:
    batched, single = OPERATORS["market"].make(), OPERATORS["market"].make()
    states: tuple[dict[bytes, bytes], dict[bytes, bytes]] = {}, {}
    at = 0
    while at < len(values):
        size = data.draw(st.integers(1, len(values)))
        batch = values[at : at + size]
        found = step_values(batched, MARKET_TICK, batch, no_headers)
        expected = step_each(single, MARKET_TICK, batch, no_headers)
        assert described(found, at) == described(expected, at)
        assert newest_clock(found) == newest_clock(expected)
        if data.draw(st.booleans()):
            assert_same_state(batched, single, states)
        at += size
    assert_same_state(batched, single, states)
    assert list(batched.newest()) == list(single.newest())


def assert_same_state(left: Any, right: Any, states: tuple[dict[bytes, bytes], dict[bytes, bytes]]) -> None:
    keep(left, states[0])
    keep(right, states[1])
    assert states[0] == states[1]


NUMBERS = st.one_of(
    st.floats(0, 1e15, allow_nan=False),
    st.integers(0, 10**9).map(lambda n: n / 10**5),
    st.decimals(0, 10**6, places=8, allow_nan=False).map(float),
)
TRADES = st.builds(
    lambda at, trade_id, id_epoch, price, size, is_maker: tick(
        at,
        max(price, 5e-324),
        trade_id=trade_id,
        id_epoch=id_epoch,
        size=size,
        is_buyer_maker=is_maker,
        known_ms=at,
    ),
    st.integers(-(10**12), 10**12),
    st.integers(-(2**63), 2**63 - 1),
    st.one_of(st.just(0), st.integers(0, 2**63 - 1)),
    NUMBERS,
    NUMBERS,
    st.booleans(),
)


@st.composite
def mutated(draw: st.DrawFn, value: bytes) -> bytes:
    """A message with some of its bytes changed, left out, doubled, or those of another kind."""
    at = draw(st.integers(0, len(value) - 1))
    match draw(st.integers(0, 4)):
        case 0:
            return value[:at] + bytes([draw(st.integers(0, 255))]) + value[at + 1 :]
        case 1:
            return value[:at] + value[at + 1 :]
        case 2:
            return (
                value[:at] + draw(st.sampled_from([b"0", b".", b"e1", b"-", b" ", b"9", b'"'])) + value[at:]
            )
        case 3:
            return value[:at]
        case _:
            return value


def by_the_codec(value: bytes) -> Any:
    try:
        return codec.decode(MARKET_TICK, value)
    except ContractError as error:
        return error


@LAWS
@given(trades=st.lists(TRADES, min_size=1, max_size=8), data=st.data())
def test_columns_say_what_the_codec_says(trades: list[TickObserved], data: st.DataObject) -> None:
    names = KnownNames()
    names.key_of(trades[0].source, trades[0].stream, trades[0].instrument)
    values = [data.draw(mutated(codec.encode(trade))) for trade in trades]
    epoch = data.draw(st.sampled_from([0, 0, 7, 10**12, 2**53]))
    values += [data.draw(mutated(codec.encode(watermark(data.draw(st.integers(0, 10**12)), epoch=epoch))))]
    columns = TickScanner(names).columns(values, no_headers)
    for i, value in enumerate(values):
        expected = by_the_codec(value)
        if isinstance(expected, ContractError):
            assert type(columns.event(i)) is type(expected)
            continue
        assert columns.event(i) == expected
        if columns.kinds[i] <= FIRST_GROUP:
            times = (expected.event_time_ms, expected.known_time_ms, expected.epoch)
            assert tuple(columns.numbers[i, :N_TIMES].tolist()) == times
        if columns.kinds[i] >= 0:
            row = (*columns.numbers[i].tolist(), *columns.amounts[i].tolist())
            bought = 0.0 if expected.is_buyer_maker else expected.size
            numbers = (expected.event_time_ms, expected.known_time_ms, expected.trade_id, expected.id_epoch)
            assert row == (*numbers, expected.price, expected.size, bought)


def test_plain_trades_are_scanned_and_not_decoded() -> None:
    names = KnownNames()
    names.key_of("binance", "live", "BTC-USDT.BINANCE")
    values = [
        codec.encode(tick(i, 100.25, trade_id=i, id_epoch=i % 3, size=0.00012, stream="live"))
        for i in range(50)
    ]
    broken_order = msgspec.json.encode(dict(reversed(msgspec.json.decode(values[0]).items())))
    columns = TickScanner(names).columns([*values, broken_order], no_headers)
    assert not columns.others
    assert columns.kinds.tolist() == [0] * 51
