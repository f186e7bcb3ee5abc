"""Decides: a feature vector in, a prediction out. Scoring and backtests both call it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvariantError
from schemas.events import Direction, FeaturesComputed, ModelPromoted, PredictionMade
from trainers.models.served import ServedModel

#: The direction is up if the probability of up is at least this.
UP_FROM = 0.5


def decide(model: ServedModel, features: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
    """Returns the prediction of a model for the bar that has just closed; a function of its arguments alone.

    Beside the probability it states the set, the pick and the evidence of the model's policy.
    The prediction has the as-of time, source and stream of the features. Its known time is the later of those of the
    features and the promotion. It belongs to the arm that the promotion names. At exactly one half the direction is up.

    Args:
        model: The promoted version.
        features: The features, warm or not; the caller decides which rows are predicted.
        promoted: The promotion, which states the version and the horizon.

    Raises:
        InvariantError: If the features are not those that the model was fitted on, or its answer is not a
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
    """Refuses numbers that are not probabilities, before they become predictions or figures.

    Args:
        probabilities: Shape (n,).
        model_version: The version that stated them.

    Raises:
        InvariantError: If a number is undefined or outside [0, 1].
    """
    wrong = np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))
    if len(wrong):
        message = (
            f"{model_version} must state a probability within 0 and 1, stated {float(probabilities[wrong[0]]):g}: "
            "promote another version"
        )
        raise InvariantError(message)


def _check(model: ServedModel, features: FeaturesComputed, promoted: ModelPromoted) -> None:
    if features.feature_spec_hash != promoted.feature_spec_hash:
        message = (
            f"{promoted.model_version} takes features {promoted.feature_spec_hash[:12]}, "
            f"was given {features.feature_spec_hash[:12]}: train it again on these"
        )
        raise InvariantError(message)
    stated = (promoted.model_hash, promoted.instrument, promoted.interval, promoted.stream)
    given = (model.model_hash, features.instrument, features.interval, features.stream)
    if stated != given:
        message = f"a promotion of (hash, instrument, interval, stream) {stated} was used for {given}"
        raise ValueError(message)
