"""The venues of the mirror: pages, cursors, and sockets that agree with REST."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.mirror.kraken import seconds
from tests.mirror.running import RunningMirror

pytestmark = pytest.mark.recorded
BINANCE, COINBASE, KRAKEN = (
    "https://api.binance.com",
    "https://api.exchange.coinbase.com",
    "https://api.kraken.com",
)
TRADES = "wss://stream.binance.com:9443/ws/btcusdt@trade"
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(mirror: RunningMirror) -> Iterator[Get]:
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield lambda address, **query: client.get(mirror.url(address), params=query)


def received(socket: ClientConnection, n: int, kind: str = "") -> list[dict]:
    """Return the next n messages that contain a word."""
    found: list[dict] = []
    while len(found) < n:
        text = socket.recv(timeout=60)
        if kind in text:
            found.append(json.loads(text))
    return found


def test_binance_pages_of_trades_follow_each_other(mirror: RunningMirror, get: Get) -> None:
    newest = get(f"{BINANCE}/api/v3/trades", symbol="BTCUSDT", limit=1).json()[0]["id"]
    first = get(
        f"{BINANCE}/api/v3/historicalTrades", symbol="BTCUSDT", fromId=newest - 1500, limit=1000
    ).json()
    second = get(
        f"{BINANCE}/api/v3/historicalTrades", symbol="BTCUSDT", fromId=first[-1]["id"] + 1, limit=1000
    ).json()
    ids = [trade["id"] for trade in first + second]
    assert ids == list(range(newest - 1500, newest - 1500 + len(ids)))
    assert len(ids) > 1500


def test_binance_candles_end_with_the_one_that_is_forming(mirror: RunningMirror, get: Get) -> None:
    rows = get(f"{BINANCE}/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=3).json()
    now_ms = get(f"{BINANCE}/api/v3/time").json()["serverTime"]
    assert len(rows) == 3
    assert rows[-2][6] < now_ms


def test_binance_gives_at_most_a_thousand_candles_from_a_start(mirror: RunningMirror, get: Get) -> None:
    rows = get(f"{BINANCE}/api/v3/klines", symbol="BTCUSDT", interval="1h", startTime=0, limit=5000).json()
    more = get(f"{BINANCE}/api/v3/klines", symbol="BTCUSDT", interval="1h", startTime=rows[-1][6] + 1).json()
    assert (len(rows), len(more)) == (1000, 500)


def test_binance_says_what_it_does_not_have(mirror: RunningMirror, get: Get) -> None:
    answer = get(f"{BINANCE}/api/v3/klines", symbol="NOTHING", interval="1m")
    assert (answer.status_code, answer.json()["code"]) == (400, -1121)


def test_coinbase_before_gives_the_newest_page_and_not_the_next(mirror: RunningMirror, get: Get) -> None:
    path = f"{COINBASE}/products/BTC-USD/trades"
    newest = get(path, limit=1).json()[0]["trade_id"]
    page = get(path, limit=10, before=newest - 100)
    assert page.json()[0]["trade_id"] >= newest
    assert len(page.json()) == 10
    older = get(path, limit=10, after=page.headers["cb-after"]).json()
    assert older[0]["trade_id"] == page.json()[-1]["trade_id"] - 1


def test_coinbase_refuses_more_than_300_candles(mirror: RunningMirror, get: Get) -> None:
    answer = get(
        f"{COINBASE}/products/BTC-USD/candles", granularity=60, start=1_000_000_000, end=1_000_018_060
    )
    assert answer.status_code == 400
    rows = get(f"{COINBASE}/products/BTC-USD/candles", granularity=60).json()
    assert len(rows) == 300
    assert rows[0][0] > rows[1][0]


def test_kraken_pages_by_since_without_loss_and_repetition(mirror: RunningMirror, get: Get) -> None:
    path, since = f"{KRAKEN}/0/public/Trades", "0"
    ids: list[int] = []
    for _ in range(4):
        result = get(path, pair="XBTUSD", since=since).json()["result"]
        ids += [trade[6] for trade in result["XXBTZUSD"]]
        since = result["last"]
    assert ids == list(range(ids[0], ids[0] + 4000))


def test_kraken_states_the_millisecond_of_a_trade_by_rest_as_its_socket_does() -> None:
    """Times were rounded twice, and every eighth trade of REST was a millisecond earlier than in the socket."""
    first_ms = 1_796_059_844_000
    stated = [int(Decimal(repr(seconds(first_ms + n, n % 3))) * 1000) for n in range(10_000)]
    assert stated == [first_ms + n for n in range(10_000)]


def test_kraken_candles_are_the_last_720_whatever_is_asked(mirror: RunningMirror, get: Get) -> None:
    result = get(f"{KRAKEN}/0/public/OHLC", pair="XBTUSD", interval=1, since=0).json()["result"]
    assert len(result["XXBTZUSD"]) == 720
    assert result["last"] == result["XXBTZUSD"][-2][0]


def test_socket_and_rest_have_the_same_trades(mirror: RunningMirror, get: Get) -> None:
    with connect(mirror.url(TRADES)) as socket:
        heard = received(socket, 30)
    first = heard[0]["t"]
    asked = get(f"{BINANCE}/api/v3/historicalTrades", symbol="BTCUSDT", fromId=first, limit=30).json()
    assert [(each["t"], each["p"], each["q"], each["T"], each["m"]) for each in heard] == [
        (each["id"], each["price"], each["qty"], each["time"], each["isBuyerMaker"]) for each in asked
    ]


def test_coinbase_answers_a_subscription_with_the_last_match(mirror: RunningMirror) -> None:
    with connect(mirror.url("wss://ws-feed.exchange.coinbase.com")) as socket:
        order = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches", "heartbeat"]}
        socket.send(json.dumps(order))
        said = received(socket, 3)
        assert [each["type"] for each in said[:2]] == ["subscriptions", "last_match"]
        match = received(socket, 1, '"match"')[0]
        assert match["trade_id"] > said[1]["trade_id"]
        assert received(socket, 1, "heartbeat")[0]["product_id"] == "BTC-USD"


def test_kraken_snapshot_is_followed_by_what_comes_after_it(mirror: RunningMirror) -> None:
    with connect(mirror.url("wss://ws.kraken.com/v2")) as socket:
        params = {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}
        socket.send(json.dumps({"method": "subscribe", "params": params, "req_id": 4}))
        socket.send(json.dumps({"method": "ping", "req_id": 5}))
        assert received(socket, 1, '"status"')[0]["data"][0]["system"] == "online"
        assert received(socket, 1, '"subscribe"')[0]["success"]
        shown = received(socket, 1, '"snapshot"')[0]["data"]
        assert received(socket, 1, '"pong"')[0]["req_id"] == 5
        update = received(socket, 1, '"update"')[0]["data"]
    assert len(shown) == 50
    assert update[0]["trade_id"] == shown[-1]["trade_id"] + 1


def test_combined_streams_name_themselves_and_the_closed_candle_is_marked(mirror: RunningMirror) -> None:
    with connect(
        mirror.url("wss://stream.binance.com:9443/stream?streams=btcusdt@kline_1m/btcusdt@bookTicker")
    ) as socket:
        assert received(socket, 1, "bookTicker")[0]["stream"] == "btcusdt@bookTicker"
        candle = received(socket, 1, "kline")[0]["data"]
    assert candle["k"]["x"] is (candle["E"] == candle["k"]["T"] + 1)


def test_perpetual_states_mark_and_trades(mirror: RunningMirror) -> None:
    with connect(mirror.url("wss://fstream.binance.com/market/stream")) as socket:
        socket.send(
            json.dumps(
                {"method": "SUBSCRIBE", "params": ["btcusdt@markPrice@1s", "btcusdt@aggTrade"], "id": 1}
            )
        )
        assert received(socket, 1) == [{"result": None, "id": 1}]
        assert received(socket, 1, "markPriceUpdate")[0]["data"]["s"] == "BTCUSDT"
        assert received(socket, 1, "aggTrade")[0]["data"]["l"]


@pytest.mark.parametrize("kind", ["cut_socket", "cut_message", "close"])
def test_a_socket_ends_as_asked(mirror: RunningMirror, kind: str) -> None:
    with connect(mirror.url(TRADES)) as socket:
        received(socket, 1)
        mirror.fail(kind, count=1, status=1012, text="maintenance")
        with pytest.raises(ConnectionClosed):
            received(socket, 10_000)
    with connect(mirror.url(TRADES)) as socket:
        received(socket, 1)


@pytest.mark.parametrize(("kind", "step"), [("gap", 4), ("repeat", -2)])
def test_a_socket_leaves_out_and_repeats_as_asked(mirror: RunningMirror, kind: str, step: int) -> None:
    with connect(mirror.url(TRADES)) as socket:
        ids = [each["t"] for each in received(socket, 20)]
        steps = {1}
        for _ in range(10):  # a connection of another test that is just ending may take a failure
            mirror.fail(kind, count=1, n=3)
            ids += [each["t"] for each in received(socket, 100)]
            steps = {later - earlier for earlier, later in pairwise(ids)}
            if step in steps:
                break
    assert steps == {1, step}


def test_a_handshake_is_refused_as_asked(mirror: RunningMirror) -> None:
    mirror.fail("status", host="stream.binance.com", status=451)
    with pytest.raises(InvalidStatus) as refused:
        connect(mirror.url(TRADES))
    assert refused.value.response.status_code == 451


def test_a_clock_that_is_ahead_moves_the_whole_venue(mirror: RunningMirror, get: Get) -> None:
    mirror.fail("skew", host="api.binance.com", seconds=7200.0)
    server_ms = get(f"{BINANCE}/api/v3/time").json()["serverTime"]
    assert server_ms - mirror.mirror.clock() > 7_000_000
    rows = get(f"{BINANCE}/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=2).json()
    assert rows[-1][0] > mirror.mirror.clock()
