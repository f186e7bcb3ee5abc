import pytest

from producers.normalise.binance import (
    instrument_of_trade,
    message_kind,
    read_trade,
    tick_of_trade,
)
from schemas.errors import ContractError, DecodeError, InvariantError

SPOT = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161601438,"s":"BTCUSDT","t":3735693016,'
    b'"p":"61685.99000000","q":"0.00017000","T":1723161601437,"m":true,"M":true}}'
)
FUTURES = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT",'
    b'"t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)


def trade(payload=SPOT, **replaced):
    _, body = message_kind(payload)
    text = bytes(body)
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    return read_trade(text)


def test_a_trade_becomes_a_tick_at_its_trade_time():
    tick = tick_of_trade(trade(), instrument="BTC-USDT.BINANCE", known_time_ms=1723161600164, stream="s")

    assert (tick.event_time_ms, tick.known_time_ms, tick.trade_id) == (
        1723161601437,
        1723161600164,
        3735693016,
    )
    assert (tick.price, tick.size, tick.is_buyer_maker, tick.source) == (61685.99, 0.00017, True, "binance")


def test_the_instrument_follows_from_symbol_and_api():
    assert instrument_of_trade(trade()) == "BTC-USDT.BINANCE"
    assert instrument_of_trade(trade(FUTURES)) == "BTC-USDT-PERP.BINANCE"


def test_other_messages_are_told_apart_by_their_stream():
    assert message_kind(b'{"stream":"btcusdt@depth@100ms","data":{}}')[0] == "depth"
    assert message_kind(b'{"lastUpdateId":1,"bids":[]}')[0] == "unnamed"


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'"text"', b"\xff\xfe"])
def test_what_is_no_message_is_a_decode_error(payload):
    with pytest.raises(DecodeError):
        message_kind(payload)


def test_a_trade_without_a_price_is_a_decode_error():
    with pytest.raises(DecodeError):
        trade(price=(b'"p":', b'"no":'))


@pytest.mark.parametrize("price", [b"0.0", b"-1", b"nan", b"inf", b"abc"])
def test_a_price_that_is_not_positive_breaks_the_contract(price):
    with pytest.raises(InvariantError):
        tick_of_trade(
            trade(price=(b"61685.99000000", price)),
            instrument="BTC-USDT.BINANCE",
            known_time_ms=0,
            stream="s",
        )


def test_a_liquidation_by_the_insurance_fund_is_not_of_the_market():
    assert trade(FUTURES).is_of_market
    assert not trade(FUTURES, kind=(b'"MARKET"', b'"INSURANCE_FUND"')).is_of_market


def test_a_symbol_with_an_unknown_quote_breaks_the_contract():
    with pytest.raises(ContractError):
        instrument_of_trade(trade(symbol=(b'"BTCUSDT"', b'"BTCXXX"')))
