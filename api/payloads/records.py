"""The payload of a record: how predictions turned out so far, with the accuracy and its interval."""

from pydantic import Field

from api.payloads.shared import Payload
from trainers.evaluation.intervals import wilson_interval


class RecordPayload(Payload):
    """States how the predictions of a target turned out so far. Ties and voids are neither hits nor misses."""

    n_predictions: int = Field(description="The number of predictions.", examples=[212])
    n_hits: int = Field(examples=[109])
    n_misses: int = Field(examples=[98])
    n_ties: int = Field(description="Predictions after which the price had not changed.", examples=[3])
    n_voids: int = Field(description="Predictions without a bar to compare with.", examples=[1])
    accuracy: float | None = Field(
        description="Hits divided by hits and misses; null before the first of them.", examples=[0.5266]
    )
    accuracy_low: float | None = Field(description="Wilson 95 % interval, lower end.", examples=[0.4587])
    accuracy_high: float | None = Field(description="Wilson 95 % interval, upper end.", examples=[0.5935])
    n_pick_hits: int = Field(
        description="Hits among the decisions that the model chose to make.", examples=[14]
    )
    n_pick_misses: int = Field(description="Misses among these decisions.", examples=[11])
    pick_accuracy: float | None = Field(
        description="Hits divided by hits and misses of these decisions; null before the first of them.",
        examples=[0.56],
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
    """Return a record with its accuracy and the Wilson interval of the accuracy.

    The interval takes outcomes as independent. Outcomes of overlapping horizons are not independent.

    Args:
        n_predictions: The number of predictions.
        n_hits: The number of predictions whose direction came true.
        n_misses: The number of predictions whose direction did not come true.
        n_ties: The number of predictions after which the price had not changed.
        n_voids: The number of predictions without a bar to compare with.
        n_pick_hits: The number of hits among the decisions that the model chose to make.
        n_pick_misses: The number of misses among these decisions.
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
