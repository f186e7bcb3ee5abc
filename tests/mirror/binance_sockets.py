"""Streams of Binance, spot and USD-M: raw (``/ws/NAME``), combined (``/stream?streams=A/B``), and SUBSCRIBE."""

from collections.abc import Callable, Iterable

from tests.mirror.markets import Market
from tests.mirror.sessions import WORDS, Message, Moment, beats, each, in_order, parsed
from tests.mirror.tapes import Trades

SYMBOL = "BTCUSDT"
KLINE_EVERY_MS = 2_000
FUNDING_EVERY_MS = 8 * 3_600_000


class Digits:
    """How numbers are written: spot has eight digits everywhere, USD-M two and three."""

    def __init__(self, *, is_perpetual: bool) -> None:
        self._formats = (".2f", ".3f") if is_perpetual else (".8f", ".8f")

    def price(self, value: float) -> str:
        """Return a price."""
        return f"{value:{self._formats[0]}}"

    def size(self, value: float) -> str:
        """Return a size."""
        return f"{value:{self._formats[1]}}"


class BinanceSession:
    """One connection.

    Args:
        market: What is traded.
        index: The market whose price is the index of the perpetual; None on spot.
        streams: Named in the address.
        is_combined: Whether data come in an envelope that names the stream.
    """

    def __init__(
        self, market: Market, index: Market | None, streams: Iterable[str], *, is_combined: bool
    ) -> None:
        self._market = market
        self._index = index
        self._digits = Digits(is_perpetual=index is not None)
        self._streams = list(dict.fromkeys(streams))
        self._is_combined = is_combined
        self._kinds: dict[str, Callable[[int, int], list[tuple[int, dict]]]] = {
            "trade": self._trades, "aggTrade": self._aggregates, "bookTicker": self._quotes, "kline_1m": self._klines,
        }  # fmt: skip
        if index is not None:
            self._kinds |= {
                "markPrice": lambda *span: self._marks(*span, 3_000),
                "markPrice@1s": lambda *span: self._marks(*span, 1_000),
                "forceOrder": self._liquidations,
            }

    def greeting(self, now_ms: int) -> list[Message]:
        """Return nothing: Binance waits."""
        return []

    def heard(self, text: str, now_ms: int) -> list[Message]:
        """Subscribe, unsubscribe, list."""
        order = parsed(text)
        names = [str(name) for name in order.get("params", [])]
        result: object = None
        match order.get("method"):
            case "SUBSCRIBE":
                self._streams += [name for name in names if name not in self._streams]
            case "UNSUBSCRIBE":
                self._streams = [name for name in self._streams if name not in names]
            case "LIST_SUBSCRIPTIONS":
                result = self._streams
            case "SET_PROPERTY":
                self._is_combined = bool(order["params"][1])
            case _:
                problem = {"code": 2, "msg": "Invalid request: unknown method"}
                return [Message(WORDS({"error": problem, "id": order.get("id")}))]
        return [Message(WORDS({"result": result, "id": order.get("id")}))]

    def due(self, from_ms: int, until_ms: int) -> list[Message]:
        """Return what all subscribed streams send."""
        moments = []
        for stream in self._streams:
            symbol, _, kind = stream.partition("@")
            if symbol == SYMBOL.lower() and kind in self._kinds:
                is_trade = kind in {"trade", "aggTrade"}
                for at_ms, data in self._kinds[kind](from_ms, until_ms):
                    text = WORDS({"stream": stream, "data": data} if self._is_combined else data)
                    moments.append(Moment(at_ms, Message(text, is_trade)))
        return in_order(moments)

    def _trades(self, from_ms: int, until_ms: int) -> list[tuple[int, dict]]:
        return [
            (trade.time_ms, self._trade(trade))
            for trade in each(self._market.trades.between(from_ms, until_ms))
        ]

    def _trade(self, trade: Trades) -> dict:
        head = {"e": "trade", "E": trade.time_ms + 1, "s": SYMBOL, "t": trade.id}
        body = {"p": self._digits.price(trade.price), "q": self._digits.size(trade.size)}
        if self._index is not None:
            return {**head, "T": trade.time_ms, **body, "X": "MARKET", "m": trade.is_buyer_maker}
        return {**head, **body, "T": trade.time_ms, "m": trade.is_buyer_maker, "M": True}

    def _aggregates(self, from_ms: int, until_ms: int) -> list[tuple[int, dict]]:
        return [
            (trade.time_ms, self._aggregate(trade))
            for trade in each(self._market.aggregated.between(from_ms, until_ms))
        ]

    def _aggregate(self, trade: Trades) -> dict:
        data = {
            "e": "aggTrade", "E": trade.time_ms + 1, "s": SYMBOL, "a": trade.id, "p": self._digits.price(trade.price),
            "q": self._digits.size(trade.size), "f": trade.first_id, "l": trade.last_id, "T": trade.time_ms,
            "m": trade.is_buyer_maker,
        }  # fmt: skip
        return data if self._index is not None else {**data, "M": True}

    def _quotes(self, from_ms: int, until_ms: int) -> list[tuple[int, dict]]:
        rows = zip(
            *(column.tolist() for column in self._market.quotes.between(from_ms, until_ms)), strict=True
        )
        return [(row[1], self._quote(*row)) for row in rows]

    def _quote(
        self, update_id: int, at_ms: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> dict:
        price, size = self._digits.price, self._digits.size
        best = {
            "u": update_id,
            "s": SYMBOL,
            "b": price(bid),
            "B": size(bid_size),
            "a": price(ask),
            "A": size(ask_size),
        }
        return best if self._index is None else {"e": "bookTicker", **best, "T": at_ms, "E": at_ms}

    def _klines(self, from_ms: int, until_ms: int) -> list[tuple[int, dict]]:
        return [(at_ms, self._kline(at_ms)) for at_ms in beats(from_ms, until_ms, KLINE_EVERY_MS)]

    def _kline(self, at_ms: int) -> dict:
        opens_ms = (at_ms - 1) // 60_000 * 60_000
        row = self._market.candles(60_000, opens_ms, opens_ms + 1, at_ms)[0]
        price, size = self._digits.price, self._digits.size
        return {"e": "kline", "E": at_ms, "s": SYMBOL, "k": {
            "t": opens_ms, "T": opens_ms + 59_999, "s": SYMBOL, "i": "1m", "f": int(row["first_id"]),
            "L": int(row["last_id"]), "o": price(row["open"]), "c": price(row["close"]), "h": price(row["high"]),
            "l": price(row["low"]), "v": size(row["volume"]), "n": int(row["n_trades"]),
            "x": at_ms == opens_ms + 60_000, "q": size(row["quote"]), "V": size(row["taker"]),
            "Q": size(row["taker_quote"]), "B": "0",
        }}  # fmt: skip

    def _marks(self, from_ms: int, until_ms: int, every_ms: int) -> list[tuple[int, dict]]:
        return [(at_ms, self._mark(at_ms)) for at_ms in beats(from_ms, until_ms, every_ms)]

    def _mark(self, at_ms: int) -> dict:
        mark, index = self._market.price(at_ms), self._index.price(at_ms)
        return {
            "e": "markPriceUpdate", "E": at_ms, "s": SYMBOL, "p": f"{mark:.8f}", "i": f"{index:.8f}", "P": f"{index:.8f}",
            "r": "0.00010000", "T": (at_ms // FUNDING_EVERY_MS + 1) * FUNDING_EVERY_MS,
        }  # fmt: skip

    def _liquidations(self, from_ms: int, until_ms: int) -> list[tuple[int, dict]]:
        return [(at_ms, self._liquidation(at_ms)) for at_ms in beats(from_ms, until_ms, 20_000)]

    def _liquidation(self, at_ms: int) -> dict:
        end = self._market.trades.first_at(at_ms)
        trade = next(each(self._market.trades.numbered(end - 1, end)))
        price, size = self._digits.price(trade.price), self._digits.size(trade.size)
        return {"e": "forceOrder", "E": at_ms, "o": {
            "s": SYMBOL, "S": "SELL" if trade.is_buyer_maker else "BUY", "o": "LIMIT", "f": "IOC", "q": size, "p": price,
            "ap": price, "X": "FILLED", "l": size, "z": size, "T": trade.time_ms,
        }}  # fmt: skip
