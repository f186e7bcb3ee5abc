"""The decision: a feature vector in, a prediction out; what scoring and backtests both call."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvariantError
from schemas.events import Direction, FeaturesComputed, ModelPromoted, PredictionMade
from trainers.models.served import ServedModel

#: A probability of at least this says up.
UP_FROM = 0.5


def decide(model: ServedModel, features: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
    """What a model says about the bar that has just closed; a function of its arguments alone.

    Beside the probability it states what the model's policy makes of it: set, pick, evidence.
    The prediction is of the features' as-of time, source and stream, known when the later of the
    features and the promotion was, and belongs to the arm that the promotion names. At exactly one half the direction is up.

    Args:
        model: The promoted version.
        features: Warm or not; the caller decides which it wants predicted.
        promoted: Says which version this is and which horizon it predicts.

    Raises:
        InvariantError: If the features are not those that the model was fitted on, or what it says is no
            probability.
        ValueError: If model, features and promotion do not belong together.
    """
    _check(model, features, promoted)
    probability = float(model.probability_up(features.values))
    check_probabilities(np.array([probability]), model_version=promoted.model_version)
    made = PredictionMade(
        event_time_ms=features.event_time_ms,
        known_time_ms=max(features.known_time_ms, promoted.known_time_ms),
        source=features.source,
        stream=features.stream,
        instrument=features.instrument,
        interval=features.interval,
        horizon=promoted.horizon,
        probability_up=probability,
        direction=Direction.UP if probability >= UP_FROM else Direction.DOWN,
        reference_price=features.close,
        model_version=promoted.model_version,
        model_hash=promoted.model_hash,
        feature_spec_hash=features.feature_spec_hash,
        arm=promoted.alias,
    )
    return made if model.policy is None else model.policy.applied(made)


def check_probabilities(probabilities: NDArray[Any], *, model_version: str) -> None:
    """Refuse what is no probability, before it becomes a prediction or a figure.

    Args:
        probabilities: Shape (n,).
        model_version: Who said them.

    Raises:
        InvariantError: If one is undefined or outside [0, 1].
    """
    wrong = np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))
    if len(wrong):
        message = (
            f"{model_version} must say a probability within 0 and 1, said {float(probabilities[wrong[0]]):g}: "
            "promote another version"
        )
        raise InvariantError(message)


def _check(model: ServedModel, features: FeaturesComputed, promoted: ModelPromoted) -> None:
    if features.feature_spec_hash != promoted.feature_spec_hash:
        message = (
            f"{promoted.model_version} takes features {promoted.feature_spec_hash[:12]}, "
            f"was handed {features.feature_spec_hash[:12]}: train it again on these"
        )
        raise InvariantError(message)
    stated = (promoted.model_hash, promoted.instrument, promoted.interval, promoted.stream)
    given = (model.model_hash, features.instrument, features.interval, features.stream)
    if stated != given:
        message = f"a promotion of (hash, instrument, interval, stream) {stated} was used for {given}"
        raise ValueError(message)
