"""Events of what a venue says: they pass the codec, and say nothing that the venue did not."""

import pytest

from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.quorum import Standing
from producers.normalise.venue_events import candle_event, price_event, quote_event
from schemas.codec import decode, encode
from schemas.errors import InvariantError
from schemas.events import Event
from schemas.time import Interval
from schemas.topics import MARKET_CANDLE, MARKET_PRICE, MARKET_QUOTE, Topic

T = 1_735_689_600_000
CANDLE = VenueCandle("BTCUSDT", T, 60_000, 1.0, 3.0, 0.5, 2.0, 10.0, 4, 6.0)


def checked(event: Event, topic: Topic) -> Event:
    assert decode(topic, encode(event)) == event
    return event


def test_a_candle_keeps_what_buyers_took_and_ends_with_its_end() -> None:
    event = candle_event(
        CANDLE, instrument="BTC-USDT.BINANCE", interval=Interval.ONE_MINUTE, known_time_ms=T + 70_000, source="binance", stream="live"
    )  # fmt: skip

    checked(event, MARKET_CANDLE)
    assert (event.event_time_ms, event.known_time_ms, event.start_ms) == (T + 60_000, T + 70_000, T)
    assert (event.volume, event.n_trades, event.taker_buy_volume) == (10.0, 4, 6.0)


@pytest.mark.parametrize("candle", [CANDLE, VenueCandle("x", T, 300_000, 1.0, 1.0, 1.0, 1.0, None)])
def test_a_candle_without_a_volume_or_of_another_length_is_no_event(candle: VenueCandle) -> None:
    with pytest.raises(InvariantError):
        candle_event(candle, instrument="BTC-USD.X", interval=Interval.FIVE_MINUTES, known_time_ms=T, source="x", stream="live")  # fmt: skip


@pytest.mark.parametrize(("time_ms", "expected"), [(T - 5, T - 5), (None, T + 1_270)])
def test_a_quote_without_a_time_has_the_known_time_and_the_skew(time_ms: int | None, expected: int) -> None:
    quote = VenueQuote("BTCUSDT", 99.0, 1.0, 101.0, 2.0, time_ms, 7)

    event = quote_event(
        quote, instrument="BTC-USDT.BINANCE", known_time_ms=T, skew_ms=1_270, source="binance", stream="live"
    )

    checked(event, MARKET_QUOTE)
    assert (event.event_time_ms, event.bid, event.ask_size, event.update_id) == (expected, 99.0, 2.0, 7)


def test_a_price_of_a_quarantined_source_says_why() -> None:
    latest = VenuePrice("bitcoin", 100.0, T - 30_000, 5e9)
    standing = Standing(is_quarantined=True, reason="it strays", distance=0.05)

    event = price_event(
        latest, instrument="BTC-USD.COINGECKO", known_time_ms=T, source="coingecko", stream="live", standing=standing
    )  # fmt: skip

    checked(event, MARKET_PRICE)
    assert (event.event_time_ms, event.is_quarantined, event.reason) == (T - 30_000, True, "it strays")
    assert event.volume_24h == 5e9
