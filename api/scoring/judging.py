"""Lets the versions of one target decide rows, which gives predictions, mismatched features, and failures.

Pure. This module is separate from :mod:`.operators` because it knows only one target, its promotions and how far it is
decided. It changes nothing: the operator applies the results afterwards, or none of them.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from api.scoring.rows import NEVER_MS
from api.scoring.starts import PromotionStart, TargetPromotions, TargetTally
from schemas.arms import CHAMPION
from schemas.errors import ContractError, NotReadyError, PlatformError, StateError
from schemas.events import FeaturesComputed, ModelPromoted, PredictionMade
from schemas.targets import Target

Decide = Callable[[FeaturesComputed, ModelPromoted], PredictionMade]


class TargetState:
    """The promotions of a target, and how far the target is predicted."""

    def __init__(self, key: Target, tally: TargetTally, starts: Iterable[PromotionStart] = ()) -> None:
        self.key = key
        self.tally = tally
        self.promotions = TargetPromotions(starts)

    @property
    def predicted_ms(self) -> int:
        """Return the newest as-of time with a prediction."""
        return NEVER_MS if self.tally.predicted_ms is None else self.tally.predicted_ms

    def decided_ms(self, feature_spec_hash: str) -> int:
        """Return the newest as-of time that is decided on rows with these features."""
        stored_ms = NEVER_MS if self.tally.stored_ms is None else self.tally.stored_ms
        return max(stored_ms, self.tally.decided_ms.get(feature_spec_hash, NEVER_MS))

    def note_decided(self, event: FeaturesComputed | PredictionMade) -> None:
        """Record that a row, or the row of a prediction, is decided."""
        features, decided_ms = event.feature_spec_hash, self.tally.decided_ms
        decided_ms[features] = max(decided_ms.get(features, NEVER_MS), event.event_time_ms)


class FailedDecision(NamedTuple):
    """A row that a version could not decide."""

    row: FeaturesComputed
    promoted: ModelPromoted
    error: PlatformError


class JudgedRows(NamedTuple):
    """The results of letting the versions of a target decide some rows.

    Attributes:
        predictions: The predictions, in the order of the rows.
        mismatches: Rows whose features are not those of the version, each with the promotion of the version.
        failures: Rows that the version could not decide.
    """

    predictions: list[PredictionMade]
    mismatches: list[tuple[FeaturesComputed, ModelPromoted]]
    failures: list[FailedDecision]


def judged(
    target: TargetState,
    rows: Iterable[FeaturesComputed],
    *,
    decide: Decide,
    has_other_features: Callable[[FeaturesComputed, str], bool],
    more: Iterable[PromotionStart] = (),
) -> JudgedRows:
    """Let the versions of a target decide those rows that are not decided yet.

    Args:
        target: The target, which is not changed.
        rows: Warm rows; of each set of features the oldest comes first.
        decide: Returns the prediction of a version for a row.
        has_other_features: Returns whether no row of a row's time has the features of a hash.
        more: Further promotions to consider, which have not been added to the target yet.

    Raises:
        NotReadyError: If the model of a champion is missing.
        StateError: If the model of a champion does not load.
    """
    found = JudgedRows([], [], [])
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


def _decide_one(row: FeaturesComputed, promoted: ModelPromoted, decide: Decide, found: JudgedRows) -> None:
    try:
        found.predictions.append(decide(row, promoted))
    except ContractError as error:
        found.failures.append(FailedDecision(row, promoted, error))
    except (NotReadyError, StateError) as error:
        if promoted.alias == CHAMPION:
            raise  # the next start of the job that finds the model goes on from here, and no prediction is lost
        found.failures.append(FailedDecision(row, promoted, error))


def refuse_bad(found: Iterable[JudgedRows]) -> None:
    """Raise the error of a champion for rows that no target could decide.

    Raises:
        ContractError: The first error of a champion, unless some target decided a row.
    """
    failures: list[FailedDecision] = []
    for one in found:
        if one.predictions:
            return
        failures += one.failures
    for failed in failures:
        if failed.promoted.alias == CHAMPION:
            raise failed.error
