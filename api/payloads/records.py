"""How predictions turned out so far, as it is answered, with the accuracy and its interval."""

from pydantic import Field

from api.payloads.shared import Payload
from trainers.evaluation.intervals import wilson_interval


class RecordPayload(Payload):
    """How this kind of prediction has turned out so far; ties and voids are neither hit nor miss."""

    n_predictions: int = Field(description="Predictions made.", examples=[212])
    n_hits: int = Field(examples=[109])
    n_misses: int = Field(examples=[98])
    n_ties: int = Field(description="The price did not change.", examples=[3])
    n_voids: int = Field(description="There was no bar to compare with.", examples=[1])
    accuracy: float | None = Field(
        description="Hits over hits and misses; null before the first.", examples=[0.5266]
    )
    accuracy_low: float | None = Field(description="Wilson 95 % interval, lower end.", examples=[0.4587])
    accuracy_high: float | None = Field(description="Wilson 95 % interval, upper end.", examples=[0.5935])
    n_pick_hits: int = Field(description="Of the decisions that the model chose to make.", examples=[14])
    n_pick_misses: int = Field(examples=[11])
    pick_accuracy: float | None = Field(
        description="Hits over hits and misses of those; null before the first.", examples=[0.56]
    )
    pick_accuracy_low: float | None = Field(description="Wilson 95 % interval, lower end.", examples=[0.3707])
    pick_accuracy_high: float | None = Field(
        description="Wilson 95 % interval, upper end.", examples=[0.7333]
    )


def record_payload(
    *,
    n_predictions: int,
    n_hits: int,
    n_misses: int,
    n_ties: int,
    n_voids: int,
    n_pick_hits: int = 0,
    n_pick_misses: int = 0,
) -> RecordPayload:
    """A record with its accuracy and the Wilson interval of it.

    The interval takes judgements as independent, which those of overlapping horizons are not.

    Args:
        n_predictions: Predictions made.
        n_hits: Those whose direction came true.
        n_misses: Those whose direction did not.
        n_ties: Those after which the price had not changed.
        n_voids: Those without a bar to compare with.
        n_pick_hits: Hits among the decisions that the model chose to make.
        n_pick_misses: Misses among these.
    """
    accuracy, low, high = _accuracy(n_hits, n_misses)
    pick_accuracy, pick_low, pick_high = _accuracy(n_pick_hits, n_pick_misses)
    return RecordPayload(
        n_predictions=n_predictions,
        n_hits=n_hits,
        n_misses=n_misses,
        n_ties=n_ties,
        n_voids=n_voids,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        n_pick_hits=n_pick_hits,
        n_pick_misses=n_pick_misses,
        pick_accuracy=pick_accuracy,
        pick_accuracy_low=pick_low,
        pick_accuracy_high=pick_high,
    )


def _accuracy(n_hits: int, n_misses: int) -> tuple[float, float, float] | tuple[None, None, None]:
    n = n_hits + n_misses
    return (n_hits / n, *wilson_interval(n_hits, n)) if n else (None, None, None)
