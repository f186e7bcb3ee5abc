import msgspec
import pytest

from producers.normalise.binance import read_message, read_trade
from producers.normalise.trades import Market, TradeKind, tick_of_trade
from schemas.errors import ContractError, DecodeError, InvariantError
from schemas.instruments import parse_instrument

SPOT = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161601438,"s":"BTCUSDT","t":3735693016,'
    b'"p":"61685.99000000","q":"0.00017000","T":1723161601437,"m":true,"M":true}}'
)
FUTURES = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT",'
    b'"t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)
AGGREGATE = (
    b'{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1675759520848,"s":"ETHUSDT","a":226532,'
    b'"p":"1632.46000000","q":"0.34305000","f":228423,"l":228423,"T":1675759520847,"m":false,"M":true,"st":1}}'
)
COIN_MARGINED = (
    b'{"stream":"btcusd_perp@aggTrade","data":{"e":"aggTrade","E":1591261134288,"a":424951,"s":"BTCUSD_PERP",'
    b'"p":"50000.0","q":"5","f":606073,"l":606073,"T":1591261134199,"m":false}}'
)


def trade(payload=SPOT, **replaced):
    """The trade in a message, after pieces of its text were replaced."""
    text = payload
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    _, trades = read_message(text)
    return trades[0] if trades else None


def instrument_of(found, like=None):
    return str(found.instrument("BINANCE", like=None if like is None else parse_instrument(like)))


def test_trade_becomes_a_tick_at_its_trade_time():
    tick = tick_of_trade(
        found := trade(),
        instrument="BTC-USDT.BINANCE",
        known_time_ms=1723161600164,
        stream="s",
        source="binance",
        trade_id=found.trade_id,
        is_buyer_maker=True,
    )

    assert (tick.event_time_ms, tick.known_time_ms, tick.trade_id) == (
        1723161601437,
        1723161600164,
        3735693016,
    )
    assert (tick.price, tick.size, tick.is_buyer_maker, tick.source) == (61685.99, 0.00017, True, "binance")


def test_instrument_follows_from_symbol_and_api():
    assert instrument_of(trade()) == "BTC-USDT.BINANCE"
    assert instrument_of(trade(FUTURES)) == "BTC-USDT-PERP.BINANCE"
    assert instrument_of(trade(AGGREGATE)) == "ETH-USDT.BINANCE"
    assert instrument_of(trade(COIN_MARGINED)) == "BTC-USD-PERP.BINANCE"


def test_trade_without_the_field_that_tells_its_market_is_asked_for():
    """It was taken for a spot trade."""
    found = trade(FUTURES, kind=(b'"X":"MARKET",', b""))

    assert found.market is None
    assert found.instrument("BINANCE") is None
    assert instrument_of(found, like="BTC-USDT-PERP.BINANCE") == "BTC-USDT-PERP.BINANCE"


def test_aggregate_has_the_id_of_the_aggregate():
    found = trade(AGGREGATE)
    assert (found.trade_id, found.kind, found.price) == (226532, TradeKind.AGGREGATE, 1632.46)


def test_contracts_of_coin_margined_futures_become_coins():
    found = trade(COIN_MARGINED)
    assert (found.size, found.market) == (0.01, Market.PERPETUAL)
    assert trade(COIN_MARGINED, coin=(b"BTCUSD_PERP", b"ETHUSD_PERP")).size == 0.001


def test_raw_stream_is_read_like_a_combined_one():
    body = bytes(msgspec.json.decode(SPOT, type=dict[str, msgspec.Raw])["data"])
    assert read_message(body) == read_message(SPOT)


@pytest.mark.parametrize("factor", [1_000, 1_000_000])
def test_smaller_units_of_the_venue_are_floored_to_milliseconds(factor):
    finer = b"%d" % (1723161601437 * factor + 999)
    assert trade(time=(b'"T":1723161601437', b'"T":' + finer)).time_ms == 1723161601437


def test_numbers_that_a_recorder_wrote_without_quotes_are_read():
    assert trade(price=(b'"61685.99000000"', b"61685.99")).price == 61685.99


def test_other_messages_are_told_apart_by_their_stream():
    assert read_message(b'{"stream":"btcusdt@depth@100ms","data":{}}')[0] == "depth"
    assert read_message(b'{"e":"depthUpdate","E":1}')[0] == "depthUpdate"
    assert read_message(b'{"lastUpdateId":1,"bids":[]}')[0] == "unnamed"


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'"text"', b"\xff\xfe"])
def test_what_is_no_message_is_a_decode_error(payload):
    with pytest.raises(DecodeError):
        read_message(payload)


@pytest.mark.parametrize("body", [b"\xff", b"{}", b'{"e":"trade"}'])
def test_body_that_is_no_trade_is_a_decode_error(body):
    with pytest.raises(DecodeError):
        read_trade(body)


@pytest.mark.parametrize("field", [b'"p":', b'"t":', b'"T":', b'"s":'])
def test_trade_that_lacks_a_field_is_a_decode_error(field):
    with pytest.raises(DecodeError):
        trade(field=(field, b'"no":'))


@pytest.mark.parametrize("price", [b"0.0", b"-1", b"nan", b"inf", b"abc", b"1e300"])
def test_price_that_is_not_positive_breaks_the_contract(price):
    with pytest.raises(InvariantError):
        trade(price=(b"61685.99000000", price))


def test_liquidation_by_the_insurance_fund_is_not_of_the_market():
    assert trade(FUTURES) is not None
    assert trade(FUTURES, kind=(b'"MARKET"', b'"INSURANCE_FUND"')) is None


@pytest.mark.parametrize("symbol", [b'"BTCXXX"', b'"BTCUSDT_240927"'])
def test_symbol_that_is_not_of_an_instrument_breaks_the_contract(symbol):
    with pytest.raises(ContractError):
        instrument_of(trade(symbol=(b'"BTCUSDT"', symbol)))
