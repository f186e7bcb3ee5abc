"""Waits for the history of a run: until the run is registered, and until its features are stored far enough.

A wait of more than 15 seconds is named in the report, with what would end it.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Protocol, TypeVar

from schemas.companions import Companions, predicted_of
from schemas.errors import NotReadyError, TransientError
from schemas.features import FeatureCloses, FeatureTable
from schemas.streams import StreamDescription
from schemas.time import Clock, text_of_time
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR, MARKET_CANDLE, Topic, partition_of
from schemas.waits import WaitReminder

_POLL_S = 0.05
T = TypeVar("T")


class StreamHistory(Protocol):
    """The stored runs, as training reads them; :class:`schemas.wire.postgres.streams.StoredStreams` implements it."""

    def stream(self, stream: str) -> StreamDescription | None:
        """Returns the description of a run, or None."""

    def watermark_ms(
        self, stream: str, topic: str, *, places: Collection[tuple[str, int]] | None = None
    ) -> int | None:
        """Returns the time up to which the events of a topic and run are stored completely.

        Args:
            stream: The run.
            topic: The topic's name.
            places: The sources and partitions that must have a watermark; None takes all that have one.
        """


class FeatureHistory(Protocol):
    """The stored features, as training reads them; :class:`schemas.wire.postgres.features.StoredFeatures` implements it."""

    def feature_table(
        self,
        stream: str,
        *,
        instrument: str,
        interval: str,
        until_ms: int | None = None,
        spec_hash: str | None = None,
    ) -> FeatureTable | None:
        """Returns the stored features of one set, the last as-of time inclusive.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
            until_ms: The last as-of time; None for all that are stored.
            spec_hash: The hash of the feature set; None takes the market features of the newest row.
        """

    def feature_closes(self, stream: str, *, instrument: str, interval: str, until_ms: int) -> FeatureCloses:
        """Returns the closes of the stored features, the last as-of time inclusive; empty if there are none.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
            until_ms: The last as-of time.
        """


class TrainingReport(Protocol):
    """Where the progress of training is shown: a bar on a terminal, or plain lines."""

    def say(self, line: str) -> None:
        """Shows one line."""

    def waited(self, *, share: float) -> None:
        """Is called often while waiting, with the share of the history that is stored, in [0, 1]."""


def wait_for_stream(
    streams: StreamHistory,
    stream: str,
    *,
    clock: Clock,
    patience_s: float,
    report: TrainingReport,
    stop: Callable[[], bool],
) -> StreamDescription | None:
    """Return the description of a run as soon as the run is registered; None when asked to stop.

    Args:
        streams: The stored runs.
        stream: The run.
        clock: Measures the wait.
        patience_s: The longest wait.
        report: Where a long wait is named.
        stop: Asked while waiting; the wait ends when it returns True.

    Raises:
        NotReadyError: If the run is not registered within ``patience_s``.
    """
    deadline = clock.monotonic_s() + patience_s
    reminder = WaitReminder(clock.monotonic_s())
    while not stop():
        found = _while_answering(lambda: streams.stream(stream))
        if found is not None:
            return found
        now_s = clock.monotonic_s()
        if now_s > deadline:
            message = f"stream {stream} was not registered within {patience_s:g} s: is a producer running?"
            raise NotReadyError(message)
        if reminder.is_due(now_s):
            report.say(
                f"waited {reminder.waited_s(now_s):.0f} s for the run {stream} to be registered; "
                "the warm-up registers it when it begins"
            )
        clock.sleep(_POLL_S)
    return None


def wait_for_features(
    streams: StreamHistory,
    description: StreamDescription,
    *,
    companions: Mapping[str, Companions],
    clock: Clock,
    patience_s: float,
    report: TrainingReport,
    stop: Callable[[], bool],
) -> bool:
    """Return when the features of the warm-up are stored, and whether they are. An empty warm-up has none to wait for.

    The features of an instrument with companions are its vectors. While the store does not answer, the wait goes on.
    A run that follows its sources does not wait for a venue that does not answer, if another has its history.

    Args:
        streams: Where it is stored how far features are stored.
        description: Of the run.
        companions: By instrument: its companions.
        clock: Measures the wait.
        patience_s: The longest time without new features.
        report: Shows the progress.
        stop: Is asked while waiting; the wait ends when it returns True.

    Returns:
        Whether the features are stored; False if the process was asked to stop.

    Raises:
        NotReadyError: If nothing new was stored for ``patience_s`` seconds.
    """
    until_ms = description.warm_up_until_ms
    topics = _topics(description, companions) if description.has_warm_up else {}
    newest: int | None = None
    reminder = WaitReminder(clock.monotonic_s())
    deadline = clock.monotonic_s() + patience_s
    arrivals = _Arrivals(streams, description, topics)
    while topics and not stop():
        watermark_ms = _while_answering(lambda: _watermark_ms(streams, description.stream, topics))
        if watermark_ms is not None and watermark_ms >= until_ms:
            return True
        now_s = clock.monotonic_s()
        if watermark_ms is not None and watermark_ms != newest:
            newest, deadline = watermark_ms, now_s + patience_s
            report.waited(share=_share(description, watermark_ms))
        if now_s > deadline:
            message = f"{_lacking(description, newest)} and did not grow for {patience_s:g} s: are {_jobs(topics)} running?"
            raise NotReadyError(message)
        if reminder.is_due(now_s):
            report.say(
                f"waited {reminder.waited_s(now_s):.0f} s: {_lacking(description, newest)}; "
                f"{_jobs(topics)} make and store them"
            )
            if arrivals.are_enough():
                report.say("goes on without the venues whose candles do not come")
                return True
        clock.sleep(_POLL_S)
    return not topics


#: The sources and partitions of a topic that the job waits for.
_Places = frozenset[tuple[str, int]]


def _topics(description: StreamDescription, companions: Mapping[str, Companions]) -> dict[Topic, _Places]:
    """The topics that the job waits for, each with its sources and partitions.

    A run that follows its sources is trained on stored minutes, so it needs no stored features.
    """
    predicted = predicted_of(companions, description.instruments)
    if description.kind.runs_by_wall_clock:
        instruments: dict[Topic, list[str]] = {MARKET_CANDLE: list(description.instruments)}
    else:
        instruments = {
            FEATURES_MARKET: [name for name in predicted if name not in companions],
            FEATURES_VECTOR: [name for name in predicted if name in companions],
        }
    return {
        topic: frozenset(
            (description.source_of(name), partition_of(name.encode(), topic.n_partitions)) for name in names
        )
        for topic, names in instruments.items()
        if names
    }


def _watermark_ms(streams: StreamHistory, stream: str, topics: Mapping[Topic, _Places]) -> int | None:
    """The time up to which all of these topics are stored."""
    found = [streams.watermark_ms(stream, topic.name, places=places) for topic, places in topics.items()]
    known = [watermark_ms for watermark_ms in found if watermark_ms is not None]
    return min(known) if known and len(known) == len(found) else None


class _Arrivals:
    """Tells whether the candles of a followed run are there as far as they will come.

    A venue that does not answer has no history, and the other venues' models must not wait for it.
    """

    def __init__(
        self, streams: StreamHistory, description: StreamDescription, topics: Mapping[Topic, _Places]
    ) -> None:
        self._streams = streams
        self._description = description
        self._places = [(topic.name, place) for topic, places in topics.items() for place in places]
        self._before: list[int | None] = []

    def are_enough(self) -> bool:
        """Whether the history of a venue is complete, and that of the others has not grown since the last call."""
        if not self._description.kind.runs_by_wall_clock:
            return False
        stream, until_ms = self._description.stream, self._description.warm_up_until_ms
        found = [
            _while_answering(partial(self._streams.watermark_ms, stream, topic, places={place}))
            for topic, place in self._places
        ]
        is_still = found == self._before
        self._before = found
        return is_still and any(reached_ms is not None and reached_ms >= until_ms for reached_ms in found)


def nothing_precedes(description: StreamDescription) -> str:
    """Says that a run has no history to train on, and which option gives it one."""
    remedy = (
        "; HISTORY=FILE (--history FILE), 1-minute candles up to where the capture begins, gives it one"
        if description.lacks_history_file
        else ""
    )
    return f"no history precedes {description.title}, so no model can be trained on it{remedy}"


def _lacking(description: StreamDescription, newest_ms: int | None) -> str:
    """Says up to when features or candles must be stored, and up to when they are."""
    what = "candles" if description.kind.runs_by_wall_clock else "features"
    until = text_of_time(description.warm_up_until_ms, "minute")
    reached = (
        "none are stored" if newest_ms is None else f"are stored up to {text_of_time(newest_ms, 'minute')}"
    )
    return f"the {what} of {description.stream} must be stored up to {until} UTC, {reached}"


def _jobs(topics: Mapping[Topic, _Places]) -> str:
    if MARKET_CANDLE in topics:
        return "the jobs warm-up and history"
    joined = ", vectors" if FEATURES_VECTOR in topics else ""
    return f"the jobs market{joined} and history"


def import_meanwhile(libraries: Callable[[], object]) -> threading.Thread:
    """Imports heavy libraries in a thread while the job waits; a later import of them then returns at once."""
    thread = threading.Thread(target=libraries, name="imports", daemon=True)
    thread.start()
    return thread


def _while_answering(ask: Callable[[], T | None]) -> T | None:
    try:
        return ask()
    except TransientError:
        return None


def _share(description: StreamDescription, watermark_ms: int) -> float:
    whole = max(1, description.warm_up_until_ms - description.origin_ms)
    return min(1.0, max(0.0, (watermark_ms - description.origin_ms) / whole))
