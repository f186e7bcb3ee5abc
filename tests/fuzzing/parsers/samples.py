"""Documented messages and answers that no recording holds: from these, and from the recordings, every case is made."""

T = 1_735_689_600_000
_TIME = "2025-01-01T00:00:00.123456Z"

SAMPLES: tuple[object, ...] = (
    {"stream": "btcusdt@trade", "data": {"e": "trade", "E": T, "s": "BTCUSDT", "t": 1, "p": "5", "q": "1", "T": T, "m": True, "M": True}},
    {"e": "aggTrade", "E": T, "s": "BTCUSDT", "a": 1, "p": "5", "q": "1", "nq": "1", "f": 1, "l": 2, "T": T, "m": False},
    {"e": "trade", "E": T, "T": T, "s": "BTCUSD_PERP", "t": 1, "p": "5", "q": "1", "X": "MARKET", "m": True},
    {"u": 7, "s": "BTCUSDT", "b": "100.1", "B": "2", "a": "100.2", "A": "3.5"},
    {"stream": "btcusdt@bookTicker", "data": {"e": "bookTicker", "u": 7, "s": "BTCUSDT", "b": "1", "B": "2", "a": "3", "A": "4", "T": T, "E": T}},
    {"e": "kline", "E": T, "s": "BTCUSDT", "k": {"t": T, "T": T + 59_999, "s": "BTCUSDT", "i": "1m", "o": "1", "c": "2", "h": "3", "l": "0.5", "v": "10", "n": 4, "x": True, "V": "6"}},
    {"stream": "!miniTicker@arr", "data": [{"e": "24hrMiniTicker", "E": T, "s": "BTCUSDT", "c": "5", "v": "7", "q": "35"}]},
    {"stream": "btcusdt@markPrice@1s", "data": {"e": "markPriceUpdate", "E": T, "s": "BTCUSDT", "p": "100.5", "i": "100.4", "r": "-0.0001", "T": T + 9}},
    {"e": "forceOrder", "E": T, "o": {"s": "BTCUSDT", "S": "SELL", "q": "0.014", "p": "99", "ap": "98.5", "X": "FILLED", "z": "0.014", "T": T}},
    {"result": None, "id": 1},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"e": "serverShutdown", "E": T},
    [{"symbol": "BTCUSDT", "lastPrice": "5", "quoteVolume": "7", "closeTime": T}],
    [{"symbol": "BTCUSDT", "markPrice": "5", "indexPrice": "5", "lastFundingRate": "0.0001", "nextFundingTime": T, "time": T}],
    {"symbol": "BTCUSDT", "openInterest": "10659.509", "time": T},
    [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingTime": T, "markPrice": "5"}],
    {"type": "match", "trade_id": 7, "side": "buy", "size": "1", "price": "2", "product_id": "BTC-USD", "sequence": 1, "time": _TIME},
    {"type": "last_match", "trade_id": 7, "side": "sell", "size": "1", "price": "2", "product_id": "BTC-USD", "time": _TIME},
    {"type": "ticker", "product_id": "BTC-USD", "price": "5", "volume_24h": "7", "best_bid": "4", "best_bid_size": "1", "best_ask": "6", "best_ask_size": "1", "time": _TIME},
    {"type": "heartbeat", "sequence": 9, "last_trade_id": 20, "product_id": "BTC-USD", "time": _TIME},
    {"type": "subscriptions", "channels": [{"name": "matches", "product_ids": ["BTC-USD"]}]},
    {"type": "error", "message": "Failed to subscribe", "reason": "X is not a valid product"},
    {"type": "status", "products": [{"id": "BTC-USD", "status": "online", "cancel_only": False}]},
    {"channel": "market_trades", "timestamp": _TIME, "events": [{"type": "update", "trades": [{"trade_id": "9", "product_id": "BTC-USD", "price": "5", "size": "1", "side": "BUY", "time": _TIME}]}]},
    {"channel": "ticker", "timestamp": _TIME, "events": [{"type": "update", "tickers": [{"product_id": "BTC-USD", "price": "5", "best_bid": "4", "best_bid_quantity": "1", "best_ask": "6", "best_ask_quantity": "1"}]}]},
    [[T // 1000, 1.0, 3.0, 2.0, 2.5, 7.0], [T // 1000 - 60, 1.0, 3.0, 2.0, 2.5, 7.0]],
    [{"trade_id": 7, "side": "sell", "size": "1", "price": "2", "time": _TIME}],
    {"trade_id": 7, "price": "5", "size": "1", "time": _TIME, "bid": "4", "ask": "6", "volume": "7"},
    {"channel": "trade", "type": "update", "data": [{"symbol": "BTC/USD", "side": "buy", "price": 5.5, "qty": 1, "trade_id": 3, "timestamp": _TIME}]},
    {"channel": "status", "type": "update", "data": [{"system": "online", "version": "2.0.0"}]},
    {"channel": "heartbeat"},
    {"method": "ping", "req_id": 101},
    {"method": "subscribe", "success": False, "error": "Currency pair not supported", "symbol": "X/USD"},
    {"event": "systemStatus", "status": "maintenance"},
    [0, [["5.5", "0.25", "1735689600.123", "s", "l", ""]], "trade", "XBT/USD"],
    [0, ["99", "101", "1735689600.5", "1", "2"], "spread", "XBT/USD"],
    [0, {"a": ["101", 1, "2"], "b": ["99", 1, "1"], "c": ["100", "0.1"], "v": ["1", "7"], "p": ["99", "99"]}, "ticker", "XBT/USD"],
    [0, ["1735689630.1", "1735689660.0", "1", "3", "0.5", "2", "1.5", "10", 4], "ohlc-1", "XBT/USD"],
    {"error": ["EGeneral:Too many requests"]},
    {"topic": "publicTrade.BTCUSDT", "data": [{"T": T, "s": "BTCUSDT", "S": "Buy", "v": "0.001", "p": "5", "L": "PlusTick", "i": "20f43950"}]},
    {"bitcoin": {"usd": 5, "usd_24h_vol": 7.5, "last_updated_at": T // 1000}},
    [[T, 1, 3, 0.5, 2], [T + 1_800_000, 2, 3, 1, 2]],
    {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit"}},
    {"symbols": [{"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}]},
    {"data": {"total_market_cap": {"usd": 5e12}, "total_volume": {"usd": 1e11}, "market_cap_percentage": {"btc": 41.5}, "updated_at": T // 1000}},
    {"items": [{"title": "A", "link": "https://www.coindesk.com/markets/2025/01/01/a", "pubDate": "Wed, 01 Jan 2025 00:00:00 +0000", "content": "<p>x</p>"}]},
)  # fmt: skip

FEED = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title><link>https://www.coindesk.com</link>
<item><title><![CDATA[Bitcoin &amp; more]]></title><link>https://www.coindesk.com/markets/2025/01/01/bitcoin-more</link>
<guid isPermaLink="false">7f</guid><pubDate>Wed, 01 Jan 2025 10:00:00 EST</pubDate><dc:creator>A. Writer</dc:creator>
<category>Markets</category><description>Text &lt;b&gt;bold&lt;/b&gt;</description>
<content:encoded><![CDATA[<p>One.</p><p>Two.</p>]]></content:encoded></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><entry><title type="html">Ether</title>
<link rel="alternate" href="https://cryptoslate.com/ether/"/><id>x</id><updated>2025-01-01T00:00:00+02:00</updated>
<author><name>B</name></author><summary>S</summary></entry></feed>"""
PAGE = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bitcoin rises - CoinDesk</title>
<link rel="canonical" href="https://www.coindesk.com/markets/2025/01/01/bitcoin-rises">
<meta property="og:title" content="Bitcoin rises"><meta property="article:published_time" content="2025-01-01T10:00:00-05:00">
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"NewsArticle","headline":"Bitcoin rises",
"datePublished":"2025-01-01T10:00:00-05:00","dateModified":"2025-01-01T11:00:00-05:00","author":[{"@id":"#a"}],"articleSection":"Markets",
"articleBody":"Bitcoin rose."},{"@id":"#a","@type":"Person","name":"A. Writer"}]}</script></head><body><article><h1>Bitcoin rises</h1>
<p>Bitcoin rose on Wednesday, and Ether with it, as traders came back.</p><p>A second paragraph of enough words to be text.</p></article>
<a href="/markets/2025/01/01/bitcoin-rises">Bitcoin rises</a></body></html>"""
SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://www.coindesk.com/markets/2025/01/01/a</loc>
<lastmod>2025-01-01T10:00:00Z</lastmod><news:news><news:publication_date>2025-01-01</news:publication_date><news:title>A</news:title></news:news></url></urlset>"""
TIMES = (
    b"Wed, 01 Jan 2025 10:00:00 EST",
    b"2025-01-01T10:00:00+05:30",
    b"Jan 1, 2025, 10:00 a.m. UTC",
    b"1735689600",
)
ADDRESSES = (
    b"https://www.coindesk.com/a/?utm_source=rss#x",
    b"HTTP://m\xc3\xbcnchen.de:443/%7Ea/../b",
    b"//x.y/z",
    b"/markets/a",
)
NEWS: tuple[bytes, ...] = (FEED, ATOM, PAGE, SITEMAP, *TIMES, *ADDRESSES)
