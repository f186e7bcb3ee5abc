"""Which model version serves, from when it is meant to, and from when it does."""

from schemas.events.facts import Count, Event, Name, TimeMs
from schemas.time import Interval


class ModelPromoted(Event, frozen=True, kw_only=True, gc=False, tag="ModelPromoted"):
    """An alias points to another model version, from ``effective_from_ms`` in the stream's time.

    It applies to every as-of time from then on that has not been predicted yet.

    Attributes:
        instrument: Whose price the model predicts.
        interval: The length of the bars that it looks at.
        horizon: How far ahead it predicts.
        alias: Such as ``champion``, the model that serves.
        model_version: The registry's name of the model that the alias now means.
        model_hash: SHA-256 of the model's bytes.
        feature_spec_hash: Of the features that the model sees, as in ``FeaturesComputed``.
        effective_from_ms: The first as-of time that it predicts: UTC milliseconds, event time.
    """

    natural_key = (
        "stream",
        "instrument",
        "interval",
        "horizon",
        "alias",
        "effective_from_ms",
        "model_version",
    )

    instrument: Name
    interval: Interval
    horizon: Interval
    alias: Name
    model_version: Name
    model_hash: Name
    feature_spec_hash: Name
    effective_from_ms: TimeMs


class PromotionTookEffect(Event, frozen=True, kw_only=True, gc=False, tag="PromotionTookEffect"):
    """From ``event_time_ms`` on a promoted version predicts: the first as-of time without a prediction.

    It is published when the promotion is read, or with the first row of features after it. A replay obeys
    it, so that it predicts what was predicted.

    Attributes:
        instrument: As in the promotion.
        interval: As in the promotion.
        horizon: As in the promotion.
        alias: As in the promotion.
        model_version: As in the promotion.
        model_hash: As in the promotion.
        effective_from_ms: From when the promotion was meant to take effect; ``event_time_ms`` is later
            where as-of times from then on had a prediction already, or no row was kept of them.
        n_let_go: How many bars between the two stay without a prediction, since their rows were not kept
            so long; at most, because a bar that never was counts too. 0 where nothing was lost.
    """

    natural_key = (
        "stream",
        "instrument",
        "interval",
        "horizon",
        "alias",
        "effective_from_ms",
        "model_version",
    )

    instrument: Name
    interval: Interval
    horizon: Interval
    alias: Name
    model_version: Name
    model_hash: Name
    effective_from_ms: TimeMs
    n_let_go: Count
