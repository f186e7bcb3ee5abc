"""quix-streams: one-minute tumbling windows by event time, exactly once.

``processing_guarantee="exactly-once"``; windows of the RocksDB state with its changelog topic,
closed by key as is the default, reduced by one function per tick, which was faster than the five
aggregations. Ticks are decoded by msgspec, and Kafka's timestamp replaced by the tick's. A
transaction is committed once a second (the default is 5 s), so that the last one weighs little.
"""

import os
from typing import Any

from quixstreams import Application
from quixstreams.models import JSONDeserializer

from schemas import codec
from schemas.events import TickObserved
from schemas.topics import FEATURES_MARKET, MARKET_TICK
from tests.benchmarks.stream.markets import MINUTE_MS
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, NewestViews, decode


def _event_time_ms(value: Any, _headers: Any, _timestamp: float, _kind: Any) -> int:
    return int(value.event_time_ms)


def _opened(tick: TickObserved) -> list[float]:
    return [tick.price, tick.price, tick.price, tick.price, tick.size]


def _added(bar: list[float], tick: TickObserved) -> list[float]:
    price = tick.price
    return [bar[0], max(bar[1], price), min(bar[2], price), price, bar[4] + tick.size]


def main() -> None:
    """Run it until it is stopped."""
    app = Application(
        broker_address=os.environ["BENCH_BROKER"],
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        state_dir=os.environ["BENCH_DIRECTORY"],
        consumer_extra_config={"fetch.queue.backoff.ms": 5},
        loglevel="WARNING",
    )
    ticks = app.topic(
        MARKET_TICK.name,
        key_deserializer="str",
        value_deserializer=JSONDeserializer(loads=decode),
        timestamp_extractor=_event_time_ms,
    )
    features = app.topic(FEATURES_MARKET.name, key_serializer="str", value_serializer="bytes")
    indicators = Indicators()
    views = NewestViews(os.environ["BENCH_REDIS"])

    def closed(window: dict[str, Any], key: str, _timestamp: int, _headers: Any) -> bytes:
        event = indicators.features(Bar(key, window["start"], *window["value"]))
        body = codec.encode(event)
        views.write([(event, body)])
        return body

    bars = (
        app.dataframe(ticks)
        .filter(lambda event: type(event) is TickObserved)
        .tumbling_window(MINUTE_MS)
        .reduce(_added, _opened)
        .final()
    )
    bars.apply(closed, metadata=True).to_topic(features)
    app.run()


if __name__ == "__main__":
    main()
