"""Streams: one run of data through the platform, live, replayed or simulated.

Keys of views and rows of the history hold the stream, so that what one run made is never taken
for another's. Its id is a function of its data: the same file and range is the same stream, and
goes on; other data make a new one.

A stream has one or more sources. Each has a clock of its own, and each instrument belongs to exactly
one of them: a bar waits for the source of its own instrument, and for no other.
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


class Silence(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of known time, ``[from_ms, until_ms)``, in which a recording holds nothing."""

    from_ms: int
    until_ms: int


class StreamSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source of a stream, and what its clock is like there.

    Attributes:
        name: What its events say in ``source``.
        instruments: What it speaks of; no other source of the stream speaks of them.
        skew_ms: How far the venue's clock is ahead of ours, typically.
        lateness_ms: How much less than that an event may be ahead.
        silences: Where a recording of it holds nothing, in known time, oldest first.
    """

    name: str
    instruments: tuple[str, ...]
    skew_ms: int = 0
    lateness_ms: int = 0
    silences: tuple[Silence, ...] = ()


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform remembers of a run.

    Attributes:
        stream: Its id.
        title: One line for people: what data, which stretch.
        source: The name of its first source.
        instruments: The instruments of all its sources, in the order in which they are shown.
        origin_ms: Event time of its beginning.
        warm_up_until_ms: Up to here it is published at full speed and trained on.
        end_ms: Where it ends; None for a run without an end.
        speed: Of the part behind the warm-up, in multiples of real time; 0 is as fast as possible.
        parameters: What is needed to make the same run again.
        created_ms: By the clock of who started it.
        sources: Its sources. A description that states none has one source, which is called ``source`` and has
            every instrument, and whose clock stands in ``parameters`` (``skew_ms``, ``lateness_ms`` and
            ``silences``): releases that knew one source per stream stored such descriptions.
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
    sources: tuple[StreamSource, ...] = ()

    def __post_init__(self) -> None:
        """Complete the description of a single source, and hold those of several against the instruments.

        Raises:
            ValueError: If an instrument belongs to no source or to two, or two sources have one name.
        """
        if not self.sources:
            msgspec.structs.force_setattr(self, "sources", (_single_source(self),))
        owned = sorted(name for source in self.sources for name in source.instruments)
        names = [source.name for source in self.sources]
        if owned != sorted(self.instruments) or len(set(names)) < len(names) or self.source != names[0]:
            message = (
                f"each instrument of a stream must belong to one source, and the first source must be {self.source}; "
                f"the instruments are {', '.join(self.instruments)}, the sources {', '.join(names)} have {', '.join(owned)}"
            )
            raise ValueError(message)

    def source_of(self, instrument: str) -> str:
        """Returns the name of the source to which an instrument of this stream belongs.

        Raises:
            KeyError: If the stream does not hold the instrument.
        """
        owners = {name: source.name for source in self.sources for name in source.instruments}
        return owners[instrument]

    @property
    def has_warm_up(self) -> bool:
        """Whether anything comes before the part that is played."""
        return self.warm_up_until_ms > self.origin_ms

    @property
    def lacks_history_file(self) -> bool:
        """Whether this is a capture that is played without a file of candles for its warm-up."""
        return "history" in self.parameters and self.parameters["history"] is None


def _single_source(description: StreamDescription) -> StreamSource:
    parameters = description.parameters
    return StreamSource(
        name=description.source,
        instruments=description.instruments,
        skew_ms=int(parameters.get("skew_ms") or 0),
        lateness_ms=int(parameters.get("lateness_ms") or 0),
        silences=msgspec.json.decode(str(parameters.get("silences") or "[]"), type=tuple[Silence, ...]),
    )


def stream_id(kind: StreamKind, facts: Mapping[str, str | int | float | None]) -> str:
    """The id of a run: its kind, and twelve hexadecimal digits of the hash of its facts."""
    canonical = msgspec.json.encode(dict(sorted(facts.items())))
    return f"{kind}-{hashlib.sha256(canonical).hexdigest()[:12]}"
