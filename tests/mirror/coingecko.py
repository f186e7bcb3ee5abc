"""CoinGecko: the recorded payloads as they were, or, in a run that moves, with the market's price and time."""

from collections.abc import Callable
from datetime import UTC, datetime

from tests.mirror.answers import NOT_FOUND, Answer, Request, as_json
from tests.mirror.markets import Market
from tests.mirror.recordings import Recordings

FOLDER = "venue_messages/coingecko"
BASIS = 1.00025
DAY_MS = 86_400_000


def _iso(time_ms: int) -> str:
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


class CoinGecko:
    """``/api/v3``.

    Args:
        recordings: The recorded payloads.
        market: Whose price Bitcoin has where the run moves.
        is_moving: Whether it does.
    """

    def __init__(
        self, recordings: Recordings, market: Callable[[], Market], is_moving: Callable[[], bool]
    ) -> None:
        self._recordings = recordings
        self._market = market
        self._is_moving = is_moving

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        path = request.path.removeprefix("/api/v3").rstrip("/")
        coin = path.removeprefix("/coins/").partition("/")[0]
        if path == "/ping":
            return as_json({"gecko_says": "(V3) To the Moon!"})
        answers = {
            "/coins/markets": self._markets, "/simple/price": self._simple, "/global": self._global,
            "/coins/bitcoin": self._coin, "/coins/bitcoin/market_chart": self._chart,
            "/coins/bitcoin/market_chart/range": self._range,
        }  # fmt: skip
        if path in answers:
            return as_json(answers[path](request))
        return (
            as_json({"error": "coin not found"}, 404)
            if path.startswith(f"/coins/{coin}") and coin
            else NOT_FOUND
        )

    def _price(self, request: Request) -> float:
        return round(self._market().price(request.now_ms) * BASIS, 2)

    def _markets(self, request: Request) -> object:
        coins = self._recordings.json(f"{FOLDER}/coins_markets.json")
        wanted = {name for name in request.query.get("ids", "").split(",") if name}
        if self._is_moving():
            for coin in coins:
                coin["last_updated"] = _iso(request.now_ms - request.now_ms % 60_000)
            coins[0]["current_price"] = self._price(request)
        return [coin for coin in coins if not wanted or coin["id"] in wanted]

    def _simple(self, request: Request) -> object:
        names = request.query.get("ids", "bitcoin").split(",")
        found = [coin for coin in self._markets(request._replace(query={})) if coin["id"] in names]
        currencies = request.query.get("vs_currencies", "usd").split(",")
        return {coin["id"]: self._of_coin(coin, currencies, request) for coin in found}

    def _of_coin(self, coin: dict, currencies: list[str], request: Request) -> dict:
        values: dict[str, object] = {}
        options = {
            "include_market_cap": ("market_cap", "market_cap"), "include_24hr_vol": ("24h_vol", "total_volume"),
            "include_24hr_change": ("24h_change", "price_change_percentage_24h"),
        }  # fmt: skip
        for currency in currencies:
            values[currency] = coin["current_price"]
            for option, (name, field) in options.items():
                if request.query.get(option) == "true":
                    values[f"{currency}_{name}"] = coin[field]
        if request.query.get("include_last_updated_at") == "true":
            values["last_updated_at"] = int(datetime.fromisoformat(coin["last_updated"]).timestamp())
        return values

    def _global(self, request: Request) -> object:
        return self._recordings.json(f"{FOLDER}/market_stat.json")

    def _coin(self, request: Request) -> object:
        coin = self._recordings.json(f"{FOLDER}/coins_bitcoin.json")
        if self._is_moving():
            coin["last_updated"] = coin["market_data"]["last_updated"] = _iso(request.now_ms)
            coin["market_data"]["current_price"]["usd"] = self._price(request)
        return coin

    def _chart(self, request: Request) -> dict:
        chart = self._recordings.json(f"{FOLDER}/coins_bitcoin_market_chart.json")
        if not self._is_moving():
            return chart
        days = float(request.query.get("days", "1").replace("max", "365"))
        step_ms = 300_000 if days <= 1 else 3_600_000 if days <= 90 else DAY_MS
        return self._drawn(step_ms, request.now_ms - int(days * DAY_MS), request.now_ms)

    def _range(self, request: Request) -> dict:
        from_ms, until_ms = (int(float(request.query.get(name, "0")) * 1000) for name in ("from", "to"))
        if self._is_moving():
            return self._drawn(3_600_000, from_ms, until_ms or request.now_ms)
        chart = self._recordings.json(f"{FOLDER}/coins_bitcoin_market_chart.json")
        return {
            name: [each for each in points if from_ms <= each[0] <= until_ms]
            for name, points in chart.items()
        }

    def _drawn(self, step_ms: int, from_ms: int, until_ms: int) -> dict:
        """Return the closes of candles, stamped with their ends, as the source does."""
        rows = self._market().candles(step_ms, from_ms, until_ms, until_ms)
        at = [min(int(row["open_ms"]) + step_ms, until_ms) for row in rows]
        prices = [[each, round(float(row["close"]) * BASIS, 6)] for each, row in zip(at, rows, strict=True)]
        return {
            "prices": prices,
            "market_caps": [[each, price * 19_900_000] for each, price in prices],
            "total_volumes": [[each, float(row["quote"])] for each, row in zip(at, rows, strict=True)],
        }
