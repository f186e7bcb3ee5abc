"""What the versions of one target say about rows: predictions, rows of other features, and failures.

Pure. Stands apart from :mod:`.operators` as the part that knows one target, its promotions and how far it is
decided, and changes nothing: what it finds is taken in afterwards, or not at all.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from api.scoring.rows import NEVER_MS
from api.scoring.starts import Promotions, Start, Tally
from schemas.arms import CHAMPION
from schemas.errors import ContractError, NotReadyError, PlatformError, StateError
from schemas.events import FeaturesComputed, ModelPromoted, PredictionMade
from schemas.targets import Target

Decide = Callable[[FeaturesComputed, ModelPromoted], PredictionMade]


class TargetState:
    """The promotions of a target, and how far it is predicted."""

    def __init__(self, key: Target, tally: Tally, starts: Iterable[Start] = ()) -> None:
        self.key = key
        self.tally = tally
        self.promotions = Promotions(starts)

    @property
    def predicted_ms(self) -> int:
        """Return the newest as-of time with a prediction."""
        return NEVER_MS if self.tally.predicted_ms is None else self.tally.predicted_ms

    def decided_ms(self, feature_spec_hash: str) -> int:
        """Return the newest as-of time that is decided on rows with these features."""
        stored_ms = NEVER_MS if self.tally.stored_ms is None else self.tally.stored_ms
        return max(stored_ms, self.tally.decided_ms.get(feature_spec_hash, NEVER_MS))

    def note_decided(self, event: FeaturesComputed | PredictionMade) -> None:
        """Count a row, or the row of a prediction, as decided."""
        features, decided_ms = event.feature_spec_hash, self.tally.decided_ms
        decided_ms[features] = max(decided_ms.get(features, NEVER_MS), event.event_time_ms)


class Failed(NamedTuple):
    """A row that a version could not decide."""

    row: FeaturesComputed
    promoted: ModelPromoted
    error: PlatformError


class Judged(NamedTuple):
    """What the versions of a target say about some rows."""

    predictions: list[PredictionMade]
    mismatches: list[tuple[FeaturesComputed, ModelPromoted]]
    failures: list[Failed]


def judged(
    target: TargetState,
    rows: Iterable[FeaturesComputed],
    *,
    decide: Decide,
    has_other_features: Callable[[FeaturesComputed, str], bool],
    more: Iterable[Start] = (),
) -> Judged:
    """Return what the versions of a target say about rows that are not decided yet.

    Args:
        target: Left as it is.
        rows: Warm ones, oldest first of each set of features.
        decide: What a version says about a row.
        has_other_features: Whether no row of a row's time has the features of this hash.
        more: Promotions that are looked at too, though they were not taken in yet.

    Raises:
        NotReadyError: If the model of a champion is not there.
        StateError: If the model of a champion does not load.
    """
    found = Judged([], [], [])
    for row in rows:
        start = target.promotions.at(row.event_time_ms, more=more)
        if start is None:
            continue
        if row.event_time_ms <= max(start.after_ms, target.decided_ms(row.feature_spec_hash)):
            continue
        promoted = start.promoted
        if row.feature_spec_hash == promoted.feature_spec_hash:
            _decide_one(row, promoted, decide, found)
        elif row.event_time_ms > target.predicted_ms and has_other_features(row, promoted.feature_spec_hash):
            found.mismatches.append((row, promoted))
    return found


def _decide_one(row: FeaturesComputed, promoted: ModelPromoted, decide: Decide, found: Judged) -> None:
    try:
        found.predictions.append(decide(row, promoted))
    except ContractError as error:
        found.failures.append(Failed(row, promoted, error))
    except (NotReadyError, StateError) as error:
        if promoted.alias == CHAMPION:
            raise  # a start that finds the model again goes on from here, and no prediction is lost
        found.failures.append(Failed(row, promoted, error))


def refuse_bad(found: Iterable[Judged]) -> None:
    """Raise what a champion says against rows that nobody can decide.

    Raises:
        ContractError: The champion's first, unless some target decided a row.
    """
    failures: list[Failed] = []
    for one in found:
        if one.predictions:
            return
        failures += one.failures
    for failed in failures:
        if failed.promoted.alias == CHAMPION:
            raise failed.error
