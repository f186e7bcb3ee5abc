"""Decides from which as-of time each promotion predicts. The time is decided once and recorded; replays obey it.

Pure. This module is separate from :mod:`.operators` because it knows nothing of the values of rows. For one target,
which is an instrument, an interval, a horizon and an arm:

1. A promotion starts at the time that it states, or at the first bar's end without a prediction if that is later.
   Predictions of an earlier version stay, and rows that were dropped cannot be predicted.
2. A row is scored by the started promotion with the greatest ``effective_from_ms``. Of promotions with the same
   time it is the later one in the log.
3. The start is decided when a promotion is read. It is recorded at once, or with the first row if the series has no
   row yet, because the log of a replay may hold the record further on. A start that the log or the durable history
   has recorded is used as it was recorded.
4. A promotion that a later one has displaced for good is forgotten, once no row is kept that it could score.
   If it were forgotten earlier and announced again, it would score kept rows that were its successors'.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from api.scoring.rows import NEVER_MS
from schemas.events import END_OF_TIME_MS, ModelPromoted, PredictionMade, PromotionTookEffect
from schemas.time import Interval

#: Distinguishes a promotion from the others of its target.
Identity = tuple[int, str, str]


def identity(promoted: ModelPromoted | PromotionTookEffect) -> Identity:
    """Return what distinguishes a promotion from the others of its target."""
    return promoted.effective_from_ms, promoted.model_version, promoted.model_hash


class PromotionStart(msgspec.Struct, kw_only=True):
    """A promotion, and the as-of time from which it predicts.

    Attributes:
        number: The place of the promotion among those of its target, in the order in which they were read.
        from_ms: The first as-of time that it predicts.
        after_ms: The newest as-of time that was predicted when it was read; it predicts only later ones.
        until_ms: From this as-of time on a later promotion predicts, which may be forgotten already.
        n_let_go: The largest possible number of earlier bars that stay without a prediction.
        is_recorded: Whether the log has a record of the start.
    """

    promoted: ModelPromoted
    number: int
    from_ms: int
    after_ms: int = NEVER_MS
    until_ms: int = END_OF_TIME_MS
    n_let_go: int = 0
    is_recorded: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """Return the place in the order of starts: of those that have started, the greatest one scores."""
        return self.promoted.effective_from_ms, self.number


class FreeTimes(NamedTuple):
    """The as-of times of a target that have no prediction and can still get one.

    Attributes:
        began_ms: The first as-of time of the series; None before its first row.
        newest_ms: The newest as-of time.
        let_go_ms: Rows up to this time have been dropped.
        predicted_ms: As-of times up to this one are predicted.
    """

    began_ms: int | None
    newest_ms: int
    let_go_ms: int
    predicted_ms: int

    def start_ms(self, effective_from_ms: int, interval: Interval) -> int:
        """Return the first of these times that a promotion may predict."""
        taken_ms = max(self.let_go_ms, self.predicted_ms)
        return effective_from_ms if effective_from_ms > taken_ms else _bar_end_after(taken_ms, interval)

    def n_lost(self, effective_from_ms: int, interval: Interval) -> int:
        """Return the largest possible number of bars whose rows were dropped before a promotion could predict them."""
        if self.began_ms is None:
            return 0
        length_ms = interval.milliseconds
        first_ms = max(
            _bar_end_after(effective_from_ms - 1, interval),
            _bar_end_after(self.predicted_ms, interval),
            self.began_ms,
        )
        return max(0, (min(self.let_go_ms, self.newest_ms) - first_ms) // length_ms + 1)


def _bar_end_after(time_ms: int, interval: Interval) -> int:
    return (time_ms // interval.milliseconds + 1) * interval.milliseconds


class TargetTally(msgspec.Struct, kw_only=True, array_like=True):
    """The part of a target's state that changes with each row.

    Attributes:
        stored_ms: The newest as-of time that an earlier log predicted; None where it predicted none.
        predicted_ms: The newest as-of time with a prediction; None before the first.
        newest: That prediction, if this log has it.
        decided_ms: The newest as-of time that was decided, by the hash of the features.
        n_mismatched: The number of rows whose features were not those of the version.
        n_failed: The number of rows that the version could not decide.
        n_promotions: The number of promotions that were read.
    """

    stored_ms: int | None
    predicted_ms: int | None
    newest: PredictionMade | None = None
    decided_ms: dict[str, int] = {}
    n_mismatched: int = 0
    n_failed: int = 0
    n_promotions: int = 0


class TargetPromotions:
    """The promotions of one target that may still score a row."""

    def __init__(self, starts: Iterable[PromotionStart] = ()) -> None:
        self._starts = list(starts)

    def __iter__(self) -> Iterator[PromotionStart]:
        """Iterate over the starts, in no particular order."""
        return iter(self._starts)

    def __len__(self) -> int:
        """Return the number of starts."""
        return len(self._starts)

    def find(self, which: Identity) -> PromotionStart | None:
        """Return the start with this identity, or None."""
        return next((start for start in self._starts if identity(start.promoted) == which), None)

    def add(self, start: PromotionStart) -> None:
        """Add the start of one more promotion."""
        self._starts.append(start)

    def at(self, as_of_ms: int, *, more: Iterable[PromotionStart] = ()) -> PromotionStart | None:
        """Return the promotion that scores the row of a time, or None.

        Args:
            more: Further starts to consider, which have not been added yet.
        """
        started = [start for start in (*self._starts, *more) if start.from_ms <= as_of_ms < start.until_ms]
        return max(started, key=lambda start: start.rank) if started else None

    def unrecorded(self) -> list[PromotionStart]:
        """Return the starts without a record, in their order."""
        return [start for start in self._starts if not start.is_recorded]

    def forget_displaced(self, settled_ms: Callable[[str], int]) -> list[PromotionStart]:
        """Drop the starts that cannot score any row that is kept or still to come, and return them.

        A start that may score a kept row stays, so that it is recognised when it is announced again. A start with the
        same time as the one that scores stays for the same reason. The time from which a dropped start would have
        scored is kept as ``until_ms`` of the earlier ones.

        Args:
            settled_ms: Returns the as-of time up to which no row is kept any more, by the hash of the features.
        """
        if len(self._starts) < 2:
            return []
        gone = [
            start
            for start in self._starts
            if start.is_recorded
            and self.has_displaced(
                start.promoted.effective_from_ms, settled_ms(start.promoted.feature_spec_hash)
            )
        ]
        if gone:
            numbers = {start.number for start in gone}
            self._starts = [start for start in self._starts if start.number not in numbers]
            for start in self._starts:
                later_ms = [one.from_ms for one in gone if one.rank > start.rank]
                start.until_ms = min([start.until_ms, *later_ms])
        return gone

    def has_displaced(self, effective_from_ms: int, settled_ms: int) -> bool:
        """Return whether a promotion that states a time cannot score any row later than another time."""
        return any(
            start.promoted.effective_from_ms > effective_from_ms and start.from_ms <= settled_ms + 1
            for start in self._starts
        )

    def takes(self, feature_spec_hash: str) -> bool:
        """Return whether a promotion takes these features."""
        return any(start.promoted.feature_spec_hash == feature_spec_hash for start in self._starts)


def record_of(start: PromotionStart, *, source: str, known_time_ms: int) -> PromotionTookEffect:
    """Return the event that records a start.

    Args:
        start: The start to record.
        source: The source of the event.
        known_time_ms: When the start was known; later times of the promotion or the start itself win.
    """
    promoted = start.promoted
    return PromotionTookEffect(
        event_time_ms=start.from_ms,
        known_time_ms=max(promoted.known_time_ms, known_time_ms, start.from_ms),
        source=source,
        stream=promoted.stream,
        instrument=promoted.instrument,
        interval=promoted.interval,
        horizon=promoted.horizon,
        alias=promoted.alias,
        model_version=promoted.model_version,
        model_hash=promoted.model_hash,
        effective_from_ms=promoted.effective_from_ms,
        n_let_go=start.n_let_go,
    )
