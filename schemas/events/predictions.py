"""Predictions, how they turned out, and how far they are."""

from enum import StrEnum

import msgspec

from schemas.arms import CHAMPION
from schemas.events.facts import Arm, Count, Event, Name, Price, Probability, TimeMs
from schemas.time import Interval


class Direction(StrEnum):
    """The direction in which a price is predicted to go."""

    UP = "up"
    DOWN = "down"


class PredictionSet(StrEnum):
    """The directions that a conformal set holds: one, both, or none if the model fits neither."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"
    NONE = "none"


class Outcome(StrEnum):
    """The direction in which the price went. A tie is no price change; void means that there is no bar to compare with."""

    UP = "up"
    DOWN = "down"
    TIE = "tie"
    VOID = "void"


def _with_default(event: Event, name: str) -> None:
    """Set a field to the object that is its default.

    msgspec leaves out a field whose value *is* the default object, and not a field whose value equals it. Otherwise a
    name that was decoded or read from a database would be encoded, and the bytes would depend on its origin.
    """
    msgspec.structs.force_setattr(event, name, CHAMPION)


class PredictionMade(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="PredictionMade"):
    """The prediction of a model at the close of a bar; event time is the as-of time of the features.

    Attributes:
        instrument: Whose price.
        interval: The length of the bars that the model looked at.
        horizon: How far ahead; it resolves at ``event_time_ms + horizon``.
        probability_up: Of a close above ``reference_price``, exactly a float32.
        direction: ``up`` where that is at least one half.
        reference_price: The close at the as-of time, quote units per base unit.
        model_version: The registry's name of the model.
        model_hash: SHA-256 of the model's bytes.
        feature_spec_hash: Of the features that the model saw, as in ``FeaturesComputed``.
        prediction_set: The directions that are not ruled out at ``miscoverage``; None of a model that
            states no sets. A field from here on that is not known is left out of the JSON.
        miscoverage: The rate at which such sets are meant to miss the outcome.
        is_pick: Whether the model chooses to make this decision; otherwise it abstains, and
            ``direction`` is only which side it leans to.
        evidence_target: Which earlier decisions count as being as confident as this one: the
            most confident share that was aimed at, 1 for all. The fields below are of these, on
            data that the model had not seen.
        evidence_coverage: The share that they were of all decisions.
        evidence_n: How many they were, ties left out.
        evidence_accuracy: The share of them that was right, entered at the close.
        evidence_low: Of its 95 % interval; at or below one half no edge is shown.
        evidence_high: Of its 95 % interval.
        late_accuracy: Of the same decisions entered one bar later and held as long.
        late_low: Of its 95 % interval.
        late_high: Of its 95 % interval.
        arm: The alias under which the version was scored: ``champion``, ``challenger``, ``shadow`` or another
            name. Left out of the JSON where it is ``champion``.
    """

    natural_key = ("stream", "instrument", "interval", "horizon", "arm", "event_time_ms")

    instrument: Name
    interval: Interval
    horizon: Interval
    probability_up: Probability
    direction: Direction
    reference_price: Price
    model_version: Name
    model_hash: Name
    feature_spec_hash: Name
    prediction_set: PredictionSet | None = None
    miscoverage: Probability | None = None
    is_pick: bool | None = None
    evidence_target: Probability | None = None
    evidence_coverage: Probability | None = None
    evidence_n: Count | None = None
    evidence_accuracy: Probability | None = None
    evidence_low: Probability | None = None
    evidence_high: Probability | None = None
    late_accuracy: Probability | None = None
    late_low: Probability | None = None
    late_high: Probability | None = None
    arm: Arm = CHAMPION

    def __post_init__(self) -> None:
        """Make the arm of a champion the default object itself: :func:`_with_default` says why."""
        if self.arm == CHAMPION:
            _with_default(self, "arm")

    @property
    def features_as_of_ms(self) -> int:
        """The as-of time of the features."""
        return self.event_time_ms

    @property
    def resolves_at_ms(self) -> int:
        """The time at which it can be judged."""
        return self.event_time_ms + self.horizon.milliseconds


class OutcomeResolved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="OutcomeResolved"):
    """The outcome of a prediction; event time is when it could be judged.

    Attributes:
        instrument: As in the prediction.
        interval: As in the prediction.
        horizon: As in the prediction.
        features_as_of_ms: The event time of the prediction.
        probability_up: As in the prediction.
        direction: As in the prediction.
        reference_price: As in the prediction.
        final_price: The close at the horizon, quote units per base unit; None when void.
        outcome: Which way the price went.
        is_hit: Whether the prediction was right; None for ties and voids, which are neither.
        model_version: As in the prediction.
        model_hash: As in the prediction.
        arm: As in the prediction. Left out of the JSON where it is ``champion``.
    """

    natural_key = ("stream", "instrument", "interval", "horizon", "arm", "features_as_of_ms")

    instrument: Name
    interval: Interval
    horizon: Interval
    features_as_of_ms: TimeMs
    probability_up: Probability
    direction: Direction
    reference_price: Price
    final_price: float | None
    outcome: Outcome
    is_hit: bool | None
    model_version: Name
    model_hash: Name
    arm: Arm = CHAMPION

    def __post_init__(self) -> None:
        """Make the arm of a champion the default object itself: :func:`_with_default` says why."""
        if self.arm == CHAMPION:
            _with_default(self, "arm")


class PredictionsAdvanced(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="PredictionsAdvanced"
):
    """No prediction of an as-of time of long before ``event_time_ms`` will come, in this partition.

    It is what scoring tells the label join, and no contract with anybody else. It says so of as-of times
    that are at least ``n_kept_bars`` bars before ``event_time_ms``, whatever the length of the bars, and
    of predictions that come after the one that it names: the two topics are read in any order.

    Attributes:
        n_kept_bars: For how many bars scoring keeps a row for a model that may be promoted later.
        last_instrument: Of the prediction of this stream that was published last in this partition; None
            where there was none.
        last_interval: Of the same.
        last_horizon: Of the same.
        last_as_of_ms: Of the same.
        last_arm: Of the same.
        last_feature_spec_hash: Of the same; None in records of an earlier release.
        every_arm_ms: Where it is not None, ``event_time_ms`` speaks of the champions alone, and this time of
            every arm: some arm takes rows, such as vectors, that have been read only up to here.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms", "every_arm_ms")

    n_kept_bars: Count
    last_instrument: Name | None = None
    last_interval: Interval | None = None
    last_horizon: Interval | None = None
    last_as_of_ms: TimeMs | None = None
    last_arm: Arm = CHAMPION
    last_feature_spec_hash: Name | None = None
    every_arm_ms: TimeMs | None = None

    def __post_init__(self) -> None:
        """Make the arm of a champion the default object itself: :func:`_with_default` says why."""
        if self.last_arm == CHAMPION:
            _with_default(self, "last_arm")
