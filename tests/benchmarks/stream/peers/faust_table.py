"""Faust: an agent over the ticks, and the open bars in a table, exactly once.

``processing_guarantee="exactly_once"``: the changelog of the table, the features and the offsets
are transactions of Faust's. The table's store is in memory, the faster one, and its values are
encoded by msgspec rather than Faust's own JSON. The state of the indicators is kept beside the
table, which a careful user would not do, and costs Faust nothing. Offsets are committed once a
second (the default is 2.8 s), so that the last commit weighs little.
"""

import os
import sys

import faust
import msgspec
from faust.serializers import codecs

from schemas import codec
from schemas.events import TickObserved
from schemas.topics import FEATURES_MARKET, MARKET_TICK
from tests.benchmarks.stream.markets import MINUTE_MS
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, NewestViews, decode

APP_ID = "bench-faust"
TABLE = "bars"


class _Msgspec(codecs.Codec):
    """Values of the table."""

    def _loads(self, s: bytes) -> object:
        return msgspec.json.decode(s)

    def _dumps(self, s: object) -> bytes:
        return msgspec.json.encode(s)


codecs.register("msgspec", _Msgspec())
app = faust.App(
    APP_ID,
    broker=f"kafka://{os.environ['BENCH_BROKER']}",
    store="memory://",
    datadir=os.environ["BENCH_DIRECTORY"],
    processing_guarantee="exactly_once",
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=1.0,
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
bars = app.Table(
    TABLE, partitions=MARKET_TICK.n_partitions, key_type=str, key_serializer="raw", value_serializer="msgspec"
)
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
        bar = bars.get(tick.instrument)
        if bar is not None and bar[0] == start_ms:
            _, first, high, low, _, volume = bar
            bar = (start_ms, first, max(high, price), min(low, price), price, volume + size)
        else:
            if bar is not None:
                await _close(Bar(tick.instrument, *bar))
            bar = (start_ms, price, price, price, price, size)
        bars[tick.instrument] = bar


async def _close(bar: Bar) -> None:
    event = indicators.features(bar)
    body = codec.encode(event)
    await features.send(key=bar.instrument.encode(), value=body)
    views.write([(event, body)])


def main() -> None:
    """Run the worker."""
    sys.argv = [sys.argv[0], "worker", "-l", "warning"]
    app.main()


if __name__ == "__main__":
    main()
