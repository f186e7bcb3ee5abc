"""Tracks the watermarks of each source, and the progress that was published to the label join.

Pure. This module is separate from :mod:`.operators` because it knows only watermarks. All rows of a source up to a
time are predicted when the watermark of the market processor has passed that time and, if an instrument of the
source has companions, the watermark of the second-stage join has passed it too. The rows of champions do not need
the second watermark unless a champion takes vectors: what only another arm waits for must not hold their bars.
"""

from typing import NamedTuple

import msgspec

from api.scoring.rows import NEVER_MS
from schemas.arms import CHAMPION
from schemas.events import END_OF_TIME_MS, PredictionMade, PredictionsAdvanced, WatermarkAdvanced
from schemas.time import Interval

#: Progress is published every quarter of an hour of the stream's time. The label join needs no finer steps.
EVERY_MS = Interval.FIFTEEN_MINUTES.milliseconds


class PassedTimes(NamedTuple):
    """The times up to which all rows were read.

    Attributes:
        champions_ms: The time for the rows that champions take.
        every_arm_ms: The time for the rows of every arm.
    """

    champions_ms: int
    every_arm_ms: int


class SourceMark(msgspec.Struct, array_like=True):
    """The position of one source in one run.

    Attributes:
        market_ms: Its watermark on the topic of market features.
        vectors_ms: Its watermark on the topic of vectors.
        awaits_vectors: Whether the source has an instrument with companions.
        told_ms: The time that was last published to the label join for every arm.
        champions_told_ms: The time that was last published to it for the champions.
    """

    market_ms: int = NEVER_MS
    vectors_ms: int = NEVER_MS
    awaits_vectors: bool = False
    told_ms: int = NEVER_MS
    champions_told_ms: int = NEVER_MS

    @property
    def passed_ms(self) -> int:
        """The time up to which all rows were read."""
        return min(self.market_ms, self.vectors_ms) if self.awaits_vectors else self.market_ms


class SourceMarks:
    """The positions of every run and source in a partition.

    Args:
        n_kept: For how many bars before the watermark a row may still be predicted.
    """

    def __init__(self, *, n_kept: int) -> None:
        self._n_kept = n_kept
        self._marks: dict[tuple[str, str], SourceMark] = {}

    def of(self, stream: str, source: str) -> SourceMark:
        """Return the position of one source."""
        return self._marks.setdefault((stream, source), SourceMark())

    def until_ms(self, stream: str, source: str, interval: Interval) -> int:
        """Return the time up to which bars of a length get no more predictions, as published to the label join.

        Args:
            stream: The run.
            source: The source of the bars.
            interval: The length of the bars.
        """
        mark = self._marks.get((stream, source))
        if mark is None or mark.told_ms == NEVER_MS:
            return NEVER_MS
        return mark.told_ms - self._n_kept * interval.milliseconds

    def await_vectors(self, stream: str, source: str) -> bool:
        """Record that an instrument of the source has companions, and return whether that is new."""
        mark = self.of(stream, source)
        is_new, mark.awaits_vectors = not mark.awaits_vectors, True
        return is_new

    def advance(self, stream: str, source: str, time_ms: int, *, is_of_vectors: bool) -> bool:
        """Apply a watermark, and return whether it is later than the one before.

        Args:
            stream: The run.
            source: The source that published the watermark.
            time_ms: The watermark.
            is_of_vectors: Whether it came on the topic of joined vectors, and not on that of market features.
        """
        mark = self.of(stream, source)
        before_ms = mark.vectors_ms if is_of_vectors else mark.market_ms
        if time_ms <= before_ms:
            return False
        if is_of_vectors:
            mark.vectors_ms = time_ms
        else:
            mark.market_ms = time_ms
        return True

    def newly_passed(self, stream: str, source: str, *, champions_take_vectors: bool) -> PassedTimes | None:
        """Return the times to publish to the label join now; None if there is nothing new.

        Args:
            stream: The run.
            source: The source of the rows.
            champions_take_vectors: Whether a champion of the source takes vectors.
        """
        mark = self.of(stream, source)
        if mark.market_ms == NEVER_MS and mark.vectors_ms == NEVER_MS:
            return None
        every_arm_ms = max(mark.told_ms, _whole(mark.passed_ms))
        champions_ms = every_arm_ms if champions_take_vectors else _whole(mark.market_ms)
        champions_ms = max(champions_ms, every_arm_ms, mark.champions_told_ms)
        if champions_ms == NEVER_MS or (champions_ms, every_arm_ms) == (mark.champions_told_ms, mark.told_ms):
            return None
        mark.champions_told_ms, mark.told_ms = champions_ms, every_arm_ms
        return PassedTimes(champions_ms, every_arm_ms)

    def restore(self, stream: str, source: str, kept: bytes, *, may_await_vectors: bool) -> None:
        """Restore the position of one source.

        Args:
            stream: The run.
            source: The source.
            kept: The stored position.
            may_await_vectors: Whether an instrument of the source has companions now. If none has any more, no
                watermark of vectors comes, and waiting for it would never end.
        """
        mark = self._marks[(stream, source)] = msgspec.msgpack.decode(kept, type=SourceMark)
        mark.awaits_vectors = mark.awaits_vectors and may_await_vectors

    def forget(self, stream: str) -> list[str]:
        """Drop the positions of a run, and return their sources."""
        gone = [source for known, source in self._marks if known == stream]
        for source in gone:
            del self._marks[(stream, source)]
        return gone


def progress_of(
    passed: PassedTimes, mark: WatermarkAdvanced, *, last: PredictionMade | None, n_kept: int
) -> PredictionsAdvanced:
    """Return the event that tells the label join how far predictions are.

    Args:
        passed: The times up to which all rows were read.
        mark: The watermark that moved them on.
        last: The last prediction of the run, which the label join must have read before; None before the first.
        n_kept: For how many bars before these times a row may still be predicted.
    """
    is_one = passed.every_arm_ms == passed.champions_ms
    return PredictionsAdvanced(
        event_time_ms=passed.champions_ms,
        known_time_ms=max(mark.known_time_ms, passed.champions_ms),
        source=mark.source,
        stream=mark.stream,
        n_kept_bars=n_kept,
        last_instrument=None if last is None else last.instrument,
        last_interval=None if last is None else last.interval,
        last_horizon=None if last is None else last.horizon,
        last_as_of_ms=None if last is None else last.event_time_ms,
        last_arm=CHAMPION if last is None else last.arm,
        last_feature_spec_hash=None if last is None else last.feature_spec_hash,
        every_arm_ms=None if is_one else max(passed.every_arm_ms, -END_OF_TIME_MS),
    )


def _whole(time_ms: int) -> int:
    """Return the end of the last whole quarter of an hour."""
    return time_ms if time_ms == NEVER_MS else time_ms - time_ms % EVERY_MS
