"""Faust: an agent over the ticks, and the open bars in a table, exactly once.

``processing_guarantee="exactly_once"``: the changelog of the table, the features and the offsets
are transactions of Faust's. The table's store is in memory, the faster one, and its values are
bytes that msgspec makes, rather than Faust's own JSON. The state of the indicators is kept beside the
table, which a careful user would not do, and costs Faust nothing. Its producers wait five
milliseconds and send up to a megabyte at once, which was seen to double the rate; what else there
is to set is left as it comes.
"""

import os
import sys

import faust
import msgspec

from schemas import codec
from schemas.events import TickObserved
from schemas.topics import FEATURES_MARKET, MARKET_TICK
from tests.benchmarks.stream.markets import MINUTE_MS
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, NewestViews, decode


class Minute(msgspec.Struct, array_like=True):
    """An open minute."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


decode_minute = msgspec.msgpack.Decoder(Minute).decode
encode_minute = msgspec.msgpack.Encoder().encode
app = faust.App(
    "bench-faust",
    broker=f"kafka://{os.environ['BENCH_BROKER']}",
    store="memory://",
    datadir=os.environ["BENCH_DIRECTORY"],
    processing_guarantee="exactly_once",
    consumer_auto_offset_reset="earliest",
    producer_linger=0.005,
    producer_max_batch_size=1_000_000,
    topic_partitions=MARKET_TICK.n_partitions,
    topic_replication_factor=1,
    topic_disable_leader=True,
    web_enabled=False,
)
ticks = app.topic(
    MARKET_TICK.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
)
features = app.topic(
    FEATURES_MARKET.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
)
bars = app.Table("bars", partitions=MARKET_TICK.n_partitions, key_type=bytes, value_type=bytes)
indicators = Indicators()
views = NewestViews(os.environ["BENCH_REDIS"])


@app.agent(ticks)
async def make_bars(stream: faust.Stream) -> None:
    """Keep the minute of each instrument in the table, and send its features when it closes."""
    async for value in stream:
        tick = decode(value)
        if type(tick) is not TickObserved:
            continue
        start_ms = tick.event_time_ms - tick.event_time_ms % MINUTE_MS
        price, size = tick.price, tick.size
        key = tick.instrument.encode()
        held = bars.get(key)
        minute = None if held is None else decode_minute(held)
        if minute is not None and minute.start_ms == start_ms:
            minute.high = max(minute.high, price)
            minute.low = min(minute.low, price)
            minute.close = price
            minute.volume += size
        else:
            if minute is not None:
                await _close(Bar(tick.instrument, *msgspec.structs.astuple(minute)))
            minute = Minute(start_ms, price, price, price, price, size)
        bars[key] = encode_minute(minute)


async def _close(bar: Bar) -> None:
    event = indicators.features(bar)
    body = codec.encode(event)
    await features.send(key=bar.instrument.encode(), value=body)
    views.write([(event, body)])


def main() -> None:
    """Run the worker."""
    sys.argv = [sys.argv[0], "worker", "-l", "error"]
    app.main()


if __name__ == "__main__":
    main()
