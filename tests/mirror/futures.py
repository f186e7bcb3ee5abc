"""Binance USD-M by REST: what the perpetual adds to the paths of spot."""

from tests.mirror.answers import Answer, Request, as_json
from tests.mirror.binance import SYMBOL, BinanceRest
from tests.mirror.binance_sockets import FUNDING_EVERY_MS
from tests.mirror.markets import Market

PREFIX = "/fapi/v1/"
MOST_CANDLES = 1500
MOST_FUNDING = 1000


class FuturesRest:
    """``/fapi/v1``: candles and trades as on spot, and mark price, open interest and funding.

    Args:
        market: The perpetual.
        index: The spot market.
        funding: Settled rates as recorded, oldest first.
        shift_ms: By how much recorded times are moved.
    """

    def __init__(
        self, market: Market, index: Market, funding: list[tuple[int, float]], shift_ms: int
    ) -> None:
        self._shared = BinanceRest(market, prefix=PREFIX, most=MOST_CANDLES)
        self._market = market
        self._index = index
        self._funding = [(at_ms + shift_ms, rate) for at_ms, rate in funding]

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        answers = {"premiumIndex": self._premium, "openInterest": self._interest, "fundingRate": self._rates}
        name = request.path.removeprefix(PREFIX)
        if name not in answers:
            return self._shared(request)
        if request.query.get("symbol", SYMBOL) != SYMBOL:
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        return as_json(answers[name](request))

    def _premium(self, request: Request) -> dict:
        now_ms = request.now_ms
        index = f"{self._index.price(now_ms):.8f}"
        return {
            "symbol": SYMBOL, "markPrice": f"{self._market.price(now_ms):.8f}", "indexPrice": index,
            "estimatedSettlePrice": index, "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
            "nextFundingTime": (now_ms // FUNDING_EVERY_MS + 1) * FUNDING_EVERY_MS, "time": now_ms,
        }  # fmt: skip

    def _interest(self, request: Request) -> dict:
        volume = 80_000 + self._market.trades.first_at(request.now_ms) % 5_000 / 10
        return {"openInterest": f"{volume:.3f}", "symbol": SYMBOL, "time": request.now_ms}

    def _rates(self, request: Request) -> list[dict]:
        limit = max(1, min(request.number("limit", 100) or 100, MOST_FUNDING))
        from_ms, until_ms = request.number("startTime"), request.number("endTime", request.now_ms)
        end_ms = min(until_ms, request.now_ms)
        found = [each for each in self._funding if (from_ms or 0) <= each[0] <= end_ms]
        mark = f"{self._market.price(request.now_ms):.8f}"
        return [
            {"symbol": SYMBOL, "fundingTime": at_ms, "fundingRate": f"{rate:.8f}", "markPrice": mark}
            for at_ms, rate in (found[-limit:] if from_ms is None else found[:limit])
        ]
