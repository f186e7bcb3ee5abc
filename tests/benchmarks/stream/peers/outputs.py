"""What every peer does with a closed bar: the indicators by our kernel, the record, the view.

The kernel, the codec and the key of the view are ours, so that these cost everyone the same.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import redis

from schemas import codec
from schemas.events import FeaturesComputed, SourceFellSilent, TickObserved, WatermarkAdvanced
from schemas.time import Interval
from schemas.wire.redis import connect, features_key
from stream_processors.features.declarations import SPEC
from stream_processors.features.stepping import FeatureStepper
from tests.benchmarks.stream.markets import MINUTE_MS
from tests.benchmarks.stream.records import SOURCE, STREAM

#: Of the bytes on the topic of ticks.
decode = msgspec.json.Decoder(TickObserved | WatermarkAdvanced | SourceFellSilent).decode


class Bar(NamedTuple):
    """A closed minute."""

    instrument: str
    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Indicators:
    """The features of every instrument, bar by bar; its state is the program's own."""

    def __init__(self) -> None:
        self._steppers: dict[str, FeatureStepper] = {}

    def features(self, bar: Bar) -> FeaturesComputed:
        """What the bar leads to."""
        stepper = self._steppers.setdefault(bar.instrument, FeatureStepper())
        end_ms = bar.start_ms + MINUTE_MS
        row = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        values = stepper.step(row, start_ms=bar.start_ms, end_ms=end_ms)
        return FeaturesComputed(
            event_time_ms=end_ms,
            known_time_ms=end_ms,
            source=SOURCE,
            stream=STREAM,
            instrument=bar.instrument,
            interval=Interval.ONE_MINUTE,
            close=bar.close,
            feature_spec_hash=SPEC.hash,
            is_warm=stepper.is_warm,
            values=dict(zip(SPEC.names, codec.null_from_nan(values), strict=True)),
        )


class NewestViews:
    """Writes the newest features of each instrument into Redis."""

    def __init__(self, url: str) -> None:
        self._client: redis.Redis = connect(url)

    def write(self, events: Iterable[tuple[FeaturesComputed, bytes]]) -> None:
        """Write events with their bytes; the last of an instrument stays."""
        pipeline = self._client.pipeline(transaction=False)
        for event, body in events:
            key = features_key(event.stream, event.instrument, str(event.interval))
            pipeline.hset(key, mapping={"order": event.event_time_ms, "body": body})
        pipeline.execute()
