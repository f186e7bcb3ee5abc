"""Makes events of what a venue says; :func:`producers.normalise.trades.tick_of_trade` makes those of trades."""

from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.quorum import Standing
from schemas.errors import InvariantError
from schemas.events import CandleObserved, PriceObserved, QuoteObserved
from schemas.time import Interval

_LONGEST_REASON = 500
#: Nobody has judged the price.
_TRUSTED = Standing(is_quarantined=False, reason=None, distance=None)


def candle_event(
    candle: VenueCandle, *, instrument: str, interval: Interval, known_time_ms: int, source: str, stream: str
) -> CandleObserved:
    """Return a closed candle as an event; its event time is its end.

    Args:
        candle: Of the venue.
        instrument: To which it belongs.
        interval: Its length.
        known_time_ms: When the answer was received.
        source: Of the event.
        stream: Of the event.

    Raises:
        InvariantError: If it has no volume or another length.
    """
    if candle.volume is None or candle.length_ms != interval.milliseconds:
        message = f"a candle of {interval} with a volume is expected, it has {candle.length_ms} ms and {candle.volume}"
        raise InvariantError(message)
    return CandleObserved(
        event_time_ms=candle.start_ms + candle.length_ms,
        known_time_ms=known_time_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        interval=interval,
        start_ms=candle.start_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        n_trades=candle.n_trades,
        taker_buy_volume=None
        if candle.taker_buy_volume is None
        else min(candle.taker_buy_volume, candle.volume),
    )


def quote_event(
    quote: VenueQuote, *, instrument: str, known_time_ms: int, skew_ms: int, source: str, stream: str
) -> QuoteObserved:
    """Return the best bid and ask as an event.

    Args:
        quote: Of the venue.
        instrument: To which it belongs.
        known_time_ms: When it was received.
        skew_ms: By how much the venue's clock is ahead of ours, for a quote without a time of its own.
        source: Of the event.
        stream: Of the event.
    """
    return QuoteObserved(
        event_time_ms=known_time_ms + skew_ms if quote.time_ms is None else quote.time_ms,
        known_time_ms=known_time_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        bid=quote.bid,
        bid_size=quote.bid_size,
        ask=quote.ask,
        ask_size=quote.ask_size,
        update_id=quote.update_id,
    )


def price_event(
    latest: VenuePrice,
    *,
    instrument: str,
    known_time_ms: int,
    source: str,
    stream: str,
    standing: Standing = _TRUSTED,
) -> PriceObserved:
    """Return a latest price as an event, marked if the quorum has quarantined its source.

    Args:
        latest: Of the venue; a price without a time has the known time.
        instrument: To which it belongs.
        known_time_ms: When the answer was received.
        source: Of the event.
        stream: Of the event.
        standing: What the quorum says of the instrument.
    """
    return PriceObserved(
        event_time_ms=known_time_ms if latest.time_ms is None else latest.time_ms,
        known_time_ms=known_time_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        price=latest.price,
        volume_24h=latest.volume_24h,
        is_quarantined=standing.is_quarantined,
        reason=None if standing.reason is None else standing.reason[:_LONGEST_REASON],
    )
