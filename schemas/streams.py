"""Streams: one run of data through the platform, live, replayed or simulated.

Keys of views and rows of the history hold the stream, so that what one run made is never taken
for another's. Its id is a function of its data: the same file and range is the same stream, and
goes on; other data make a new one.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class StreamKind(StrEnum):
    """What a run is; shown wherever its data are shown."""

    LIVE = "live"
    REPLAY = "replay"
    SIMULATION = "simulation"


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform remembers of a run.

    Attributes:
        stream: Its id.
        title: One line for people: what data, which stretch.
        source: What its events say in ``source``.
        instruments: What it speaks of.
        origin_ms: Event time of its beginning.
        warm_up_until_ms: Up to here it is published at full speed and trained on.
        end_ms: Where it ends; None for a run without an end.
        speed: Of the part behind the warm-up, in multiples of real time; 0 is as fast as possible.
        parameters: What is needed to make the same run again.
        created_ms: By the clock of who started it.
    """

    stream: str
    kind: StreamKind
    title: str
    source: str
    instruments: tuple[str, ...]
    origin_ms: int
    warm_up_until_ms: int
    end_ms: int | None
    speed: float
    parameters: dict[str, str | int | float | None]
    created_ms: int


def stream_id(kind: StreamKind, facts: Mapping[str, str | int | float | None]) -> str:
    """The id of a run: its kind, and twelve hexadecimal digits of the hash of its facts."""
    canonical = msgspec.json.encode(dict(sorted(facts.items())))
    return f"{kind}-{hashlib.sha256(canonical).hexdigest()[:12]}"
