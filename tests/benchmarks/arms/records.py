"""What a run stored of each arm, and how many of these records differ between two runs.

Pure, so that the comparison itself is tested without a run.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from schemas import codec
from schemas.arms import CHAMPION
from schemas.events import OutcomeResolved, PredictionMade
from schemas.records import PredictionRecord

#: What tells a stored event of a run from the others of the same arm.
Key = tuple[object, ...]


class StoredArm(NamedTuple):
    """What Postgres holds of one arm of a run.

    Attributes:
        predictions: Of every target, in any order.
        outcomes: Of every target, in any order.
        counts: The running record of each target, by interval and horizon.
    """

    predictions: tuple[PredictionMade, ...]
    outcomes: tuple[OutcomeResolved, ...]
    counts: Mapping[str, PredictionRecord]

    @property
    def n_events(self) -> int:
        """Return the number of predictions and outcomes."""
        return len(self.predictions) + len(self.outcomes)


def n_differences(one: StoredArm, other: StoredArm) -> int:
    """Return how many predictions, outcomes and running records are not equal bit for bit in two runs.

    The arm's name is left out of the comparison: the version that was a shadow in one run may be the champion of
    the other. A record that only one of the runs has is a difference.
    """
    return (
        _n_unequal(_bytes_by_key(one.predictions), _bytes_by_key(other.predictions))
        + _n_unequal(_bytes_by_key(one.outcomes), _bytes_by_key(other.outcomes))
        + _n_unequal(one.counts, other.counts)
    )


def _bytes_by_key(events: Iterable[PredictionMade | OutcomeResolved]) -> dict[Key, bytes]:
    renamed = (msgspec.structs.replace(event, arm=CHAMPION) for event in events)
    return {
        tuple(getattr(event, name) for name in event.natural_key): codec.encode(event) for event in renamed
    }


def _n_unequal(one: Mapping[Any, object], other: Mapping[Any, object]) -> int:
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())
