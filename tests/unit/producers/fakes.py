"""Hand-written fakes behind the ports of the producers' jobs, and small makers of events."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from producers.jobs.publishing import Outlet
from producers.jobs.stored_runs import KnownStreams, MarketHistory
from producers.normalise.watermarks import SourceRecord
from schemas import codec
from schemas.events import CandleObserved, TickObserved
from schemas.positions import MarketPosition
from schemas.streams import StreamDescription
from schemas.time import Interval
from schemas.topics import BY_NAME

MINUTE_MS = 60_000


class Published(NamedTuple):
    topic: str
    value: bytes | None
    key: bytes | None
    partition: int | None
    headers: codec.Headers


class RecordingOutlet(Outlet):
    """Keeps what is published, in order; acknowledges at once."""

    def __init__(self) -> None:
        self.records: list[Published] = []
        self.n_flushed = 0

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: codec.Headers | None = None,
    ) -> None:
        self.records.append(Published(topic, value, key, partition, headers or []))

    def flush(self, *, timeout_s: float = 15.0) -> None:
        self.n_flushed = len(self.records)

    def events(self) -> list:
        return [
            codec.decode(BY_NAME[r.topic], r.value)
            for r in self.records
            if r.topic in BY_NAME and BY_NAME[r.topic].events
        ]


class RememberingHistory(KnownStreams, MarketHistory):
    """The durable history in memory, fed with what an outlet recorded."""

    def __init__(self) -> None:
        self.streams: dict[str, StreamDescription] = {}
        self.stored_candles: dict[tuple[str, str, int], CandleObserved] = {}
        self.stored_ticks: dict[tuple[object, ...], TickObserved] = {}

    def store(self, events: Iterable) -> None:
        for event in events:
            match event:
                case CandleObserved():
                    self.stored_candles.setdefault((event.stream, event.instrument, event.start_ms), event)
                case TickObserved():
                    self.stored_ticks.setdefault(event.fact(), event)
                case _:
                    pass

    def register_stream(self, description: StreamDescription) -> StreamDescription:
        return self.streams.setdefault(description.stream, description)

    def stream(self, stream: str) -> StreamDescription | None:
        return self.streams.get(stream)

    def position(self, stream: str, *, instruments: Collection[str] | None = None) -> MarketPosition:
        reached: dict[str, int] = {}
        for c in self.candles(stream):
            if instruments is None or c.instrument in instruments:
                reached[c.instrument] = max(c.event_time_ms, reached.get(c.instrument, c.event_time_ms))
        ticks = [t for t in self.ticks(stream) if instruments is None or t.instrument in instruments]
        n_wanted = 1 if instruments is None else len(instruments)
        return MarketPosition(
            min(reached.values()) if reached and len(reached) >= n_wanted else None,
            max((t.known_time_ms for t in ticks), default=None),
            max((t.trade_id for t in ticks), default=None),
        )

    def candles(self, stream: str) -> Iterator[CandleObserved]:
        found = [c for (s, _, _), c in self.stored_candles.items() if s == stream]
        return iter(sorted(found, key=lambda c: (c.known_time_ms, c.instrument, c.start_ms)))

    def ticks(self, stream: str) -> Iterator[TickObserved]:
        found = [t for t in self.stored_ticks.values() if t.stream == stream]
        return iter(sorted(found, key=lambda t: (t.known_time_ms, t.instrument, t.id_epoch, t.trade_id)))


def candle(minute: int, *, price: float = 100.0, stream: str = "s") -> CandleObserved:
    start_ms = minute * MINUTE_MS
    return CandleObserved(
        event_time_ms=start_ms + MINUTE_MS,
        known_time_ms=start_ms + MINUTE_MS,
        source="binance",
        stream=stream,
        instrument="BTC-USDT.BINANCE",
        interval=Interval.ONE_MINUTE,
        start_ms=start_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1.0,
    )


def tick(known_ms: int, *, lead_ms: int = 0, trade_id: int = 1, stream: str = "s") -> TickObserved:
    return TickObserved(
        event_time_ms=known_ms + lead_ms,
        known_time_ms=known_ms,
        source="binance",
        stream=stream,
        instrument="BTC-USDT.BINANCE",
        trade_id=trade_id,
        price=100.0,
        size=1.0,
        is_buyer_maker=False,
    )


def drawn(sequence: Iterable[SourceRecord]) -> str:
    """A sequence as an ASCII timeline: ``c3`` a candle of minute 3, ``W4`` a watermark at minute 4,
    ``t1.2`` a tick known at 1.2 s, ``w1`` a watermark of second 1, ``S`` a silence, ``R`` a return."""
    words = []
    for topic, event in sequence:
        is_candle = topic.name == "market.candle.v1"
        match type(event).__name__:
            case "CandleObserved":
                words.append(f"c{event.start_ms // MINUTE_MS}")
            case "TickObserved":
                words.append(f"t{event.known_time_ms / 1000:g}")
            case "WatermarkAdvanced":
                words.append(
                    f"W{event.event_time_ms // MINUTE_MS}"
                    if is_candle
                    else f"w{event.known_time_ms / 1000:g}"
                )
            case "SourceReturned":
                words.append("R" if is_candle else "r")
            case _:
                words.append("S" if is_candle else "s")
    return " ".join(words)
