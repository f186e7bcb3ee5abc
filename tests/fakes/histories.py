"""The durable history as the trainers ask for it, in memory."""

from collections.abc import Collection

import numpy as np

from schemas.errors import StoreUnavailableError
from schemas.features import FeatureCloses, FeatureTable
from schemas.streams import StreamDescription, StreamKind
from trainers.inputs.waiting import FeatureHistory, StreamHistory


def description_of(
    *,
    stream: str = "simulation-1",
    until_ms: int,
    instruments=("BTC-USDT.SIMULATED",),
    source: str = "simulated",
):
    return StreamDescription(
        stream=stream,
        kind=StreamKind.SIMULATION,
        title="a test",
        source=source,
        instruments=instruments,
        origin_ms=0,
        warm_up_until_ms=until_ms,
        end_ms=None,
        speed=1.0,
        parameters={},
        created_ms=1_796_083_200_000,
    )


class InMemoryFeatureHistory(StreamHistory, FeatureHistory):
    """Answers from what it was given; ``watermarks`` are said one after the other, the last for ever.

    A watermark that is an error is a store that does not answer. ``asked`` remembers for which topics they
    were asked, and of which sources and partitions; ``spec_hashes`` of which sets features were.
    """

    def __init__(self, description, tables, *, watermarks) -> None:
        self._description = description
        self._tables = tables
        self._watermarks = list(watermarks)
        self.asked: dict[str, set[tuple[str, int]]] = {}
        self.spec_hashes: list[str | None] = []

    def stream(self, stream: str) -> StreamDescription | None:
        known = self._description
        return known if known is not None and known.stream == stream else None

    def watermark_ms(
        self, stream: str, topic: str, *, places: Collection[tuple[str, int]] | None = None
    ) -> int | None:
        self.asked[topic] = set(places or ())
        said = self._watermarks.pop(0) if len(self._watermarks) > 1 else self._watermarks[0]
        if isinstance(said, StoreUnavailableError):
            raise said
        return said

    def feature_table(
        self, stream, *, instrument, interval, until_ms=None, spec_hash=None
    ) -> FeatureTable | None:
        self.spec_hashes.append(spec_hash)
        return self._tables.get((instrument, interval))

    def feature_closes(self, stream, *, instrument, interval, until_ms) -> FeatureCloses:
        table = self._tables.get((instrument, interval))
        if table is None:
            none = np.empty(0, dtype=np.int64)
            return FeatureCloses(as_of_ms=none, known_ms=none, close=none.astype(np.float64))
        n = int(np.searchsorted(table.as_of_ms, until_ms, side="right"))
        return FeatureCloses(as_of_ms=table.as_of_ms[:n], known_ms=table.known_ms[:n], close=table.close[:n])
