"""bytewax: keyed state, one worker, its own Kafka source and sink.

No guarantee: its source keeps offsets in a recovery store of bytewax's own, which is at least
once when it is switched on; it is left off here, which is the faster way. Ticks are decoded a
batch at a time, and the state of a key takes a batch at a time (``stateful_batch``), the fastest
of bytewax's keyed operators.
"""

import os
from collections.abc import Iterable

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic

from schemas import codec
from schemas.events import TickObserved
from schemas.topics import FEATURES_MARKET, MARKET_TICK
from tests.benchmarks.stream.markets import MINUTE_MS
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, NewestViews, decode


class Minutes(StatefulBatchLogic):
    """The open minute of one instrument: start, open, high, low, close, volume; changed in place."""

    def __init__(self, state: list[float] | None) -> None:
        self._open = state

    def on_batch(self, values: list[TickObserved]) -> tuple[Iterable[Bar], bool]:
        """Add ticks; give out the minutes that they close."""
        closed = []
        minute = self._open
        for tick in values:
            price = tick.price
            start_ms = tick.event_time_ms - tick.event_time_ms % MINUTE_MS
            if minute is None or minute[0] != start_ms:
                if minute is not None:
                    closed.append(Bar(tick.instrument, *minute))
                minute = [start_ms, price, price, price, price, tick.size]
                continue
            if price > minute[2]:
                minute[2] = price
            if price < minute[3]:
                minute[3] = price
            minute[4] = price
            minute[5] += tick.size
        self._open = minute
        return closed, StatefulBatchLogic.RETAIN

    def snapshot(self) -> list[float] | None:
        """What recovery would keep."""
        return None if self._open is None else list(self._open)


def _decoded(batch: list[KafkaSourceMessage]) -> list[tuple[str, TickObserved]]:
    events = [decode(message.value) for message in batch]
    return [(event.instrument, event) for event in events if type(event) is TickObserved]


def flow() -> Dataflow:
    """The data flow, as ``python -m bytewax.run`` takes it."""
    indicators = Indicators()
    views = NewestViews(os.environ["BENCH_REDIS"])

    def outputs(batch: list[tuple[str, Bar]]) -> list[KafkaSinkMessage]:
        events = [indicators.features(bar) for _, bar in batch]
        made = [(event, codec.encode(event)) for event in events]
        views.write(made)
        return [KafkaSinkMessage(event.instrument.encode(), body) for event, body in made]

    brokers = [os.environ["BENCH_BROKER"]]
    flow = Dataflow("bars")
    source = KafkaSource(brokers, [MARKET_TICK.name], add_config={"fetch.queue.backoff.ms": "5"})
    ticks = op.flat_map_batch("decode", op.input("ticks", flow, source), _decoded)
    bars = op.stateful_batch("minutes", ticks, Minutes)
    features = op.flat_map_batch("features", bars, outputs)
    op.output("out", features, KafkaSink(brokers, FEATURES_MARKET.name, add_config={"linger.ms": "0"}))
    return flow
