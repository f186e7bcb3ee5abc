"""Streams: one run of data through the platform: live, replayed, simulated, or live against a mirror.

Keys of views and rows of the history hold the stream, so that the results of one run are never taken
for those of another. Its id is a function of its data: the same file and range are the same stream, which
goes on, and other data make a new stream.

A stream has one or more sources. Each has a clock of its own, and each instrument belongs to exactly
one source: a bar waits for the source of its own instrument, and for no other.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class StreamKind(StrEnum):
    """The kind of a run, which is shown wherever its data are shown.

    A mirror is a run of the live collection whose requests go to another address than the sources' own, where
    recordings may be played. Its events carry the names of real sources, so it is never shown as live.
    """

    LIVE = "live"
    REPLAY = "replay"
    SIMULATION = "simulation"
    MIRROR = "mirror"

    @property
    def runs_by_wall_clock(self) -> bool:
        """Whether its events arrive as they happen, so that the clock on the wall tells how old they are."""
        return self in {StreamKind.LIVE, StreamKind.MIRROR}


def kind_of_stream(stream: str) -> StreamKind:
    """Return the kind of a run, with which its id begins; an id that begins otherwise is of a live run."""
    return next((kind for kind in StreamKind if stream.startswith(kind)), StreamKind.LIVE)


class Silence(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of known time, ``[from_ms, until_ms)``, in which a recording holds nothing."""

    from_ms: int
    until_ms: int


class StreamSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source of a stream, and its clock in this stream.

    Attributes:
        name: The name that its events carry in ``source``.
        instruments: The instruments that belong to it; they belong to no other source of the stream.
        skew_ms: How far the clock of the venue is typically ahead of the clock of the platform or recorder.
        lateness_ms: How much less than that an event may be ahead.
        silences: The stretches of known time in which a recording of it holds nothing, oldest first.
    """

    name: str
    instruments: tuple[str, ...]
    skew_ms: int = 0
    lateness_ms: int = 0
    silences: tuple[Silence, ...] = ()


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a run, which the durable store keeps.

    Attributes:
        stream: Its id.
        title: One line for people: what data, which stretch.
        source: The name of its first source.
        instruments: The instruments of all its sources, in the order in which they are shown.
        origin_ms: The event time of its beginning.
        warm_up_until_ms: The event time up to which it is published at full speed and trained on.
        end_ms: The event time of its end; None for a run without an end.
        speed: The speed after the warm-up, in multiples of real time; 0 is as fast as possible.
        parameters: What is needed to make the same run again.
        created_ms: When it was registered, by the clock of the process that started it.
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
        """Complete the description of a single source, and check those of several sources against the instruments.

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
        """Return the name of the source to which an instrument of this stream belongs.

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
    """Return the id of a run: its kind, and twelve hexadecimal digits of the hash of its facts."""
    canonical = msgspec.json.encode(dict(sorted(facts.items())))
    return f"{kind}-{hashlib.sha256(canonical).hexdigest()[:12]}"
