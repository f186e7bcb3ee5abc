"""Laws of trade ids: whatever a venue does with them, no trade is lost and no trade is taken twice."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.normalise.trade_ids import with_id_epochs
from schemas.events import TickObserved
from tests.fixtures.market_events import tick

LAWS = settings(max_examples=150, deadline=None)


@st.composite
def venues(draw: st.DrawFn) -> list[TickObserved]:
    """Trades in the order of their times, all different; now and then the ids start again, lower."""
    trades: list[TickObserved] = []
    at_ms, trade_id = 0, draw(st.integers(0, 10**6))
    for number in range(draw(st.integers(1, 60))):
        at_ms += draw(st.integers(0, 4_000))
        starts_again = trade_id > 0 and draw(st.integers(0, 9)) == 0
        trade_id = draw(st.integers(0, trade_id - 1)) if starts_again else trade_id + draw(st.integers(1, 3))
        trades.append(tick(at_ms, 100.0 + number, trade_id=trade_id))
    return trades


def taken(trades: list[TickObserved]) -> list[TickObserved]:
    """What is left where every trade is dropped that is not newer, by epoch and id, than the one before."""
    newest, found = (-1, -1), list[TickObserved]()
    for trade in with_id_epochs(trades):
        if (trade.id_epoch, trade.trade_id) > newest:
            newest = (trade.id_epoch, trade.trade_id)
            found.append(msgspec.structs.replace(trade, id_epoch=0))
    return found


@LAWS
@given(venues())
def test_every_trade_of_a_venue_is_taken_once(trades: list[TickObserved]) -> None:
    assert taken(trades) == trades
    facts = [trade.fact() for trade in with_id_epochs(trades)]
    assert len(set(facts)) == len(facts)


@LAWS
@given(trades=venues(), data=st.data())
def test_trades_that_two_connections_deliver_are_taken_once(
    trades: list[TickObserved], data: st.DataObject
) -> None:
    """The second connection is at most a few trades behind the first."""
    behind = data.draw(st.integers(1, 3))
    doubled = [
        each
        for i in range(len(trades) + behind)
        for each in (*trades[i : i + 1], *(trades[i - behind : i - behind + 1] if i >= behind else ()))
    ]
    assert taken(doubled) == trades


@LAWS
@given(trades=venues(), data=st.data())
def test_stretch_that_is_read_again_adds_nothing(trades: list[TickObserved], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(trades)))
    again = data.draw(st.integers(0, cut))
    assert taken([*trades[:cut], *trades[again:]]) == trades


@LAWS
@given(trades=venues(), data=st.data())
def test_epochs_do_not_hang_on_what_comes_later(trades: list[TickObserved], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(trades)))
    assert list(with_id_epochs(trades[:cut])) == list(with_id_epochs(trades))[:cut]


@LAWS
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40))
def test_ids_that_are_always_the_same_lose_no_trade(steps: list[tuple[int, int]]) -> None:
    """Equal fills included; only where all of the first trades are equal they may be repeats."""
    at_ms, trades = 0, [tick(0, 99.0, trade_id=0), tick(0, 98.0, trade_id=0)]
    for step_ms, price in steps:
        at_ms += step_ms
        trades.append(tick(at_ms, 100.0 + price, trade_id=0))
    assert taken(trades) == trades
