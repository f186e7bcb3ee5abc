"""The epochs of trade ids: what starts again is no repeat, and what is a repeat stays one."""

import pytest

from producers.normalise.trade_ids import REMEMBERED_MS, TradeIdEpochs, with_id_epochs
from tests.fixtures.market_events import tick


def epochs(*trades):
    return [(trade.id_epoch, trade.trade_id) for trade in with_id_epochs(trades)]


def trade(at_ms, trade_id, *, price=100.0, size=1.0, instrument="BTC-USDT.BINANCE"):
    return tick(at_ms, price, trade_id=trade_id, size=size, instrument=instrument)


def test_ids_that_grow_have_one_epoch_and_trades_stay_as_they_are():
    trades = [trade(0, 7), trade(0, 8), trade(5, 12)]

    assert list(with_id_epochs(trades)) == trades


def test_ids_that_start_again_open_the_next_epoch():
    assert epochs(trade(0, 900), trade(1, 901), trade(2, 1), trade(3, 2), trade(4, 1)) == [
        (0, 900),
        (0, 901),
        (1, 1),
        (1, 2),
        (2, 1),
    ]


def test_repeat_has_the_epoch_of_the_trade_that_it_repeats():
    first, second, after_reset = trade(0, 900), trade(1, 901), trade(2, 1)

    assert epochs(first, second, first, second, after_reset, second, after_reset) == [
        (0, 900),
        (0, 901),
        (0, 900),
        (0, 901),
        (1, 1),
        (0, 901),
        (1, 1),
    ]


@pytest.mark.parametrize("other", [trade(1, 5), trade(0, 5, price=101.0), trade(0, 5, size=2.0)])
def test_same_id_with_another_time_price_or_size_is_no_repeat(other):
    assert epochs(trade(0, 5), other) == [(0, 5), (1, 5)]


def test_ids_that_are_always_0_number_the_trades_by_epoch_equal_fills_included():
    fill = trade(3, 0)

    assert epochs(trade(0, 0), trade(1, 0), fill, fill, fill) == [(i, 0) for i in range(5)]


def test_older_trade_that_comes_again_is_a_repeat_although_ids_are_always_0():
    first, second = trade(1, 0), trade(2, 0)

    assert epochs(trade(0, 0), first, second, first) == [(0, 0), (1, 0), (2, 0), (1, 0)]


def test_trade_out_of_order_is_not_lost():
    assert epochs(trade(0, 1), trade(2, 3), trade(1, 2), trade(3, 4)) == [(0, 1), (0, 3), (1, 2), (1, 4)]


def test_stretch_that_is_recorded_twice_opens_no_epoch():
    stretch = [trade(i * REMEMBERED_MS // 4, i) for i in range(40)]

    assert epochs(*stretch, *stretch[10:], trade(40 * REMEMBERED_MS, 40)) == [
        *((0, i) for i in range(40)),
        *((0, i) for i in range(10, 40)),
        (0, 40),
    ]


def test_one_trade_with_a_wrong_time_makes_no_repeats_of_those_after_it():
    far = 10**12

    assert epochs(trade(0, 9), trade(1, 1), trade(far, 2), trade(3, 3), trade(4, 4), trade(5, 1)) == [
        (0, 9),
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (2, 1),
    ]


def test_instruments_have_epochs_of_their_own():
    other = "ETH-USDT.BINANCE"

    assert epochs(trade(0, 9), trade(1, 5, instrument=other), trade(2, 1), trade(3, 6, instrument=other)) == [
        (0, 9),
        (0, 5),
        (1, 1),
        (0, 6),
    ]


def test_source_that_goes_on_after_its_newest_published_trade_goes_on_with_its_epoch():
    newest = tick(5, trade_id=70, id_epoch=3)
    resumed = TradeIdEpochs(newest)
    again = tick(5, trade_id=70)

    found = [resumed.with_epoch(each) for each in (again, trade(6, 71), trade(7, 1))]

    assert [(each.id_epoch, each.trade_id) for each in found] == [(3, 70), (3, 71), (4, 1)]
