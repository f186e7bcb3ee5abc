"""What the documented messages of sockets say: of Binance, Coinbase and Kraken."""

from typing import Any

import msgspec
import pytest

from producers.normalise.binance_messages import read_binance_message
from producers.normalise.coinbase_messages import read_coinbase_message
from producers.normalise.kraken_messages import read_kraken_message
from producers.normalise.observations import (
    Liquidation,
    MarkPrice,
    Notice,
    NoticeKind,
    VenueCandle,
    VenuePrice,
    VenueQuote,
)
from schemas.errors import ContractError, DecodeError, InvariantError

T = 1_735_689_600_000


def json(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


def kinds(notices: tuple[Notice, ...]) -> list[NoticeKind]:
    return [each.kind for each in notices]


BOOK_TICKER = {"u": 7, "s": "BTCUSDT", "b": "100.1", "B": "2", "a": 100.2, "A": "3.5"}


def test_binance_best_bid_and_ask_of_a_raw_stream_has_no_kind_of_its_own() -> None:
    expected = (VenueQuote("BTCUSDT", 100.1, 2.0, 100.2, 3.5, None, 7),)
    assert read_binance_message(json(**BOOK_TICKER)).quotes == expected
    assert read_binance_message(json(stream="btcusdt@bookTicker", data=BOOK_TICKER)).quotes == expected


def test_binance_futures_state_the_time_of_the_best_bid_and_ask() -> None:
    message = read_binance_message(json(e="bookTicker", E=T + 1, T=T, **BOOK_TICKER))

    assert message.quotes[0].time_ms == T


def test_an_ask_below_the_bid_is_refused() -> None:
    with pytest.raises(InvariantError, match="below the best bid"):
        read_binance_message(json(**{**BOOK_TICKER, "a": "100"}))


def test_binance_kline_says_itself_whether_it_is_closed() -> None:
    kline = {"t": T, "T": T + 59_999, "s": "BTCUSDT", "i": "1m", "o": "1", "c": "2", "h": "3", "l": "0.5"}
    sums = {"v": "10", "n": 4, "x": True, "q": "15", "V": "6", "Q": "9", "B": "0"}

    message = read_binance_message(json(e="kline", E=T + 60_000, s="BTCUSDT", k={**kline, **sums}))

    expected = VenueCandle("BTCUSDT", T, 60_000, 1.0, 3.0, 0.5, 2.0, 10.0, 4, 6.0, is_closed=True)
    assert message.candles == (expected,)


def test_binance_tickers_of_all_markets_come_as_one_array() -> None:
    tickers = [
        {"e": "24hrMiniTicker", "E": T, "s": s, "c": "5", "v": "1.4", "q": "7"}
        for s in ("BTCUSDT", "ETHUSDT")
    ]

    message = read_binance_message(json(stream="!miniTicker@arr", data=tickers))

    assert message.prices == (VenuePrice("BTCUSDT", 5.0, T, 7.0), VenuePrice("ETHUSDT", 5.0, T, 7.0))
    assert read_binance_message(msgspec.json.encode(tickers)) == message


def test_binance_mark_price_has_index_and_funding() -> None:
    fields = {"e": "markPriceUpdate", "E": T, "s": "BTCUSDT", "p": "100.5", "i": "100.4", "P": "100.6"}

    message = read_binance_message(
        json(stream="btcusdt@markPrice@1s", data={**fields, "r": "-0.0001", "T": T + 9})
    )

    assert message.perpetual == (MarkPrice("BTCUSDT", T, 100.5, 100.4, -0.0001, T + 9),)


def test_binance_mark_price_of_a_delivery_contract_has_no_funding() -> None:
    fields = {"e": "markPriceUpdate", "E": T, "s": "BTCUSDT_260327", "p": "100.5", "i": "", "r": "", "T": 0}

    assert read_binance_message(json(**fields)).perpetual == (
        MarkPrice("BTCUSDT_260327", T, 100.5, None, None, None),
    )


def test_binance_liquidation_of_a_long_position_sells() -> None:
    order = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "99", "ap": "98.5"}
    more = {"X": "FILLED", "l": "0.014", "z": "0.014", "T": T}

    message = read_binance_message(json(e="forceOrder", E=T + 1, o={**order, **more}))

    assert message.perpetual == (
        Liquidation(
            "BTCUSDT",
            T,
            is_sell=True,
            price=99.0,
            average_price=98.5,
            size=0.014,
            filled_size=0.014,
            status="FILLED",
        ),
    )


def test_binance_trade_of_the_insurance_fund_is_none_of_the_market() -> None:
    fields = {"e": "trade", "E": T, "T": T, "s": "BTCUSDT", "t": 1, "p": "5", "q": "1", "X": "INSURANCE_FUND"}

    message = read_binance_message(json(**fields, m=True))

    assert message.trades == ()
    assert kinds(message.notices) == [NoticeKind.OTHER]


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"result":null,"id":1}', NoticeKind.SUBSCRIBED),
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', NoticeKind.NOT_SUBSCRIBED),
        (b'{"code":2,"msg":"Invalid request: unknown variant","id":4}', NoticeKind.NOT_SUBSCRIBED),
        (b'{"code":3,"msg":"Invalid JSON"}', NoticeKind.ERROR),
        (b'{"e":"serverShutdown","E":1735689600000}', NoticeKind.CLOSING),
        (b'{"stream":"x@depth@100ms","data":{"e":"depthUpdate"}}', NoticeKind.OTHER),
        (b"{}", NoticeKind.OTHER),
    ],
)
def test_binance_answers_and_notices(payload: bytes, kind: NoticeKind) -> None:
    assert kinds(read_binance_message(payload).notices) == [kind]


@pytest.mark.parametrize("t", [1_000, 99_999_999_999_999])
def test_a_trade_of_another_age_is_refused(t: int) -> None:
    with pytest.raises(InvariantError, match="from 2009 to 2099"):
        read_binance_message(json(e="trade", E=T, T=t, s="BTCUSDT", t=1, p="5", q="1", m=True))


def test_binance_times_may_be_microseconds() -> None:
    message = read_binance_message(
        json(e="trade", E=T, T=T * 1000 + 999, s="BTCUSDT", t=1, p="5", q="1", m=True)
    )

    assert message.trades[0].time_ms == T


COINBASE_TICKER = {
    "type": "ticker",
    "sequence": 1,
    "product_id": "BTC-USD",
    "price": "100.5",
    "open_24h": "99",
    "volume_24h": "12.5",
    "best_bid": "100.4",
    "best_bid_size": "0.5",
    "best_ask": "100.6",
    "best_ask_size": "0.75",
    "time": "2025-01-01T00:00:00.123456Z",
    "trade_id": 7,
}


def test_coinbase_ticker_is_a_price_and_a_quote() -> None:
    message = read_coinbase_message(json(**COINBASE_TICKER))

    assert message.prices == (VenuePrice("BTC-USD", 100.5, T + 123),)
    assert message.quotes == (VenueQuote("BTC-USD", 100.4, 0.5, 100.6, 0.75, T + 123),)


def test_coinbase_ticker_of_before_2022_has_no_sizes_and_gives_no_quote() -> None:
    old = {name: value for name, value in COINBASE_TICKER.items() if not name.endswith("_size")}

    message = read_coinbase_message(json(**old))

    assert (message.quotes, len(message.prices)) == ((), 1)


def test_coinbase_heartbeat_names_the_newest_trade() -> None:
    message = read_coinbase_message(
        json(
            type="heartbeat", sequence=9, last_trade_id=20, product_id="BTC-USD", time="2025-01-01T00:00:00Z"
        )
    )

    assert message.notices == (Notice(NoticeKind.HEARTBEAT, "", "BTC-USD", 20, 1_735_689_600_000),)


def test_coinbase_last_match_is_a_repeat() -> None:
    fields = {"trade_id": 7, "side": "sell", "size": "1", "price": "2", "product_id": "BTC-USD"}

    message = read_coinbase_message(json(type="last_match", **fields, time="2025-01-01T00:00:00Z"))

    assert message.trades == ()
    assert [each.trade_id for each in message.repeated] == [7]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "subscriptions", "channels": [{"name": "matches", "product_ids": ["BTC-USD"]}]}, NoticeKind.SUBSCRIBED),
        ({"type": "subscriptions", "channels": []}, NoticeKind.NOT_SUBSCRIBED),
        ({"type": "error", "message": "Failed to subscribe", "reason": "X-USD is not a valid product"}, NoticeKind.NOT_SUBSCRIBED),
        ({"type": "error", "message": "ErrSlowConsume"}, NoticeKind.ERROR),
        ({"type": "status", "products": [{"id": "BTC-USD", "status": "online"}]}, NoticeKind.ONLINE),
        ({"type": "status", "products": [{"id": "BTC-USD", "status": "online", "cancel_only": True}]}, NoticeKind.MAINTENANCE),
        ({"type": "status", "products": [{"id": "BTC-USD", "status": "delisted"}]}, NoticeKind.MAINTENANCE),
        ({"channel": "heartbeats", "events": [{"heartbeat_counter": 1}]}, NoticeKind.HEARTBEAT),
        ({"channel": "subscriptions", "events": [{"subscriptions": {}}]}, NoticeKind.SUBSCRIBED),
        ({"type": "l2update", "product_id": "BTC-USD", "changes": []}, NoticeKind.OTHER),
    ],
)  # fmt: skip
def test_coinbase_notices(fields: dict[str, Any], kind: NoticeKind) -> None:
    assert kinds(read_coinbase_message(json(**fields)).notices) == [kind]


def test_advanced_trade_sends_batches_newest_first_and_a_snapshot_at_first() -> None:
    trades = [
        {"trade_id": str(n), "product_id": "BTC-USD", "price": "5", "size": "1", "side": "BUY", "time": "2025-01-01T00:00:00Z"}
        for n in (9, 8)
    ]  # fmt: skip
    events = [{"type": "snapshot", "trades": trades[1:]}, {"type": "update", "trades": trades}]

    message = read_coinbase_message(
        json(channel="market_trades", timestamp="2025-01-01T00:00:01Z", events=events)
    )

    assert [each.trade_id for each in message.trades] == [8, 9]
    assert [each.trade_id for each in message.repeated] == [8]
    assert message.trades[0].is_buyer_maker is True


def test_kraken_snapshot_of_trades_is_a_repeat() -> None:
    trade = {
        "symbol": "BTC/USD",
        "side": "buy",
        "price": "5",
        "qty": 1,
        "trade_id": 3,
        "timestamp": "2025-01-01T00:00:00.5Z",
    }

    snapshot = read_kraken_message(json(channel="trade", type="snapshot", data=[trade]))

    assert (snapshot.trades, [each.trade_id for each in snapshot.repeated]) == ((), [3])
    assert snapshot.repeated[0].time_ms == T + 500


def test_kraken_ticker_is_a_price_and_a_quote() -> None:
    row = {
        "symbol": "BTC/USD",
        "bid": 99,
        "bid_qty": 1,
        "ask": 101,
        "ask_qty": 2,
        "last": 100,
        "volume": 7,
        "vwap": 99.5,
    }

    message = read_kraken_message(json(channel="ticker", type="update", data=[row]))

    assert message.quotes == (VenueQuote("BTC/USD", 99.0, 1.0, 101.0, 2.0),)
    assert message.prices == (VenuePrice("BTC/USD", 100.0, None, 696.5),)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"channel":"heartbeat"}', NoticeKind.HEARTBEAT),
        (b'{"event":"heartbeat"}', NoticeKind.HEARTBEAT),
        (b'{"method":"pong","req_id":1}', NoticeKind.HEARTBEAT),
        (b'{"channel":"status","type":"update","data":[{"system":"online"}]}', NoticeKind.ONLINE),
        (b'{"channel":"status","type":"update","data":[{"system":"maintenance"}]}', NoticeKind.MAINTENANCE),
        (b'{"event":"systemStatus","status":"cancel_only"}', NoticeKind.MAINTENANCE),
        (b'{"method":"subscribe","success":true,"result":{"channel":"trade","symbol":"BTC/USD"}}', NoticeKind.SUBSCRIBED),
        (b'{"method":"subscribe","success":false,"error":"Currency pair not supported","symbol":"X/USD"}', NoticeKind.NOT_SUBSCRIBED),
        (b'{"event":"subscriptionStatus","status":"error","errorMessage":"no","pair":"X/USD"}', NoticeKind.NOT_SUBSCRIBED),
        (b'{"error":"Malformed request","method":"error","success":false}', NoticeKind.ERROR),
        (b'[1,{"as":[]},"book-10","XBT/USD"]', NoticeKind.OTHER),
    ],
)  # fmt: skip
def test_kraken_notices(payload: bytes, kind: NoticeKind) -> None:
    assert kinds(read_kraken_message(payload).notices) == [kind]


def test_a_ping_of_kraken_is_answered_with_its_number() -> None:
    [reply] = read_kraken_message(b'{"method":"ping","req_id":101}').replies

    assert msgspec.json.decode(reply) == {"method": "pong", "req_id": 101}


def test_arrays_of_kraken_version_1_are_read() -> None:
    trade = read_kraken_message(b'[0,[["5.5","0.25","1735689600.123","s","l",""]],"trade","XBT/USD"]').trades[
        0
    ]
    spread = read_kraken_message(b'[0,["99","101","1735689600.5","1","2"],"spread","XBT/USD"]').quotes
    ticker = read_kraken_message(
        b'[0,{"a":["101",1,"2"],"b":["99",1,"1"],"c":["100","0.1"],"v":["1","7"],"p":["99","99.5"]},"ticker","XBT/USD"]'
    )
    candle = read_kraken_message(
        b'[0,["1735689630.1","1735689660.0","1","3","0.5","2","1.5","10",4],"ohlc-1","XBT/USD"]'
    ).candles

    assert (trade.price, trade.size, trade.time_ms, trade.is_buyer_maker) == (5.5, 0.25, T + 123, True)
    assert spread == (VenueQuote("XBT/USD", 99.0, 1.0, 101.0, 2.0, T + 500),)
    assert ticker.quotes == (VenueQuote("XBT/USD", 99.0, 1.0, 101.0, 2.0),)
    assert ticker.prices == (VenuePrice("XBT/USD", 100.0, None, 696.5),)
    assert candle == (VenueCandle("XBT/USD", T, 60_000, 1.0, 3.0, 0.5, 2.0, 10.0, 4),)


@pytest.mark.parametrize(
    "number", ["nan", "inf", "-1", "0", "1_0", "", "x", "9" * 50, None, True, [], "\uff11"]
)
def test_a_price_that_is_none_breaks_the_contract(number: Any) -> None:
    for read, fields in (
        (read_binance_message, {**BOOK_TICKER, "b": number}),
        (read_coinbase_message, {**COINBASE_TICKER, "price": number or "nan"}),
        (
            read_kraken_message,
            {
                "channel": "ohlc",
                "data": [{"symbol": "BTC/USD", "interval": 1, "interval_begin": T, "open": number}],
            },
        ),
    ):
        with pytest.raises(ContractError):
            read(json(**fields))


def test_an_error_of_a_huge_message_stays_short() -> None:
    with pytest.raises(DecodeError) as caught:
        read_coinbase_message(json(type="subscriptions", channels="x" * 100_000))

    assert len(str(caught.value)) < 300
