"""The features of instruments at the closes of bars."""

from typing import Annotated

from msgspec import Meta

from schemas.events.facts import Count, Event, FeatureValues, Name, Price, TimeMs
from schemas.time import Interval


class FeaturesComputed(Event, frozen=True, kw_only=True, tag="FeaturesComputed"):
    """The features of one instrument at the close of a bar; event time is that close.

    Attributes:
        instrument: Whose features.
        interval: The length of the bars they are computed from.
        close: The bar's last price, quote units per base unit.
        feature_spec_hash: Of the declarations of the features: two vectors with the same one mean
            the same by each name.
        is_warm: Whether every feature that is not optional has seen as many bars as it declares.
        values: By feature name, in the spec's order; None where undefined.
    """

    natural_key = ("stream", "instrument", "interval", "event_time_ms", "feature_spec_hash")

    instrument: Name
    interval: Interval
    close: Price
    feature_spec_hash: Name
    is_warm: bool
    values: FeatureValues


class VectorComputed(FeaturesComputed, frozen=True, kw_only=True, tag="VectorComputed"):
    """The features of one instrument together with those of its companions, which are the input of its models.

    It is joined by content: of each companion it has the row of the newest bar that had
    ended by then and was known within two seconds. Of the news about the coin it has the row of the newest minute, if
    that is at most five minutes old.

    Attributes:
        instrument: Whose vector.
        interval: The length of the bars they are computed from.
        close: The bar's last price, quote units per base unit.
        feature_spec_hash: Of the declarations of the features, the companions and the allowance: two
            vectors with the same one mean the same by each name.
        is_warm: Whether every feature that is not optional has seen as many bars as it declares.
        values: By feature name, in the spec's order; None where undefined.
        joined: By companion, the event time of what was joined; None where there was nothing to join, so
            that its features are undefined. The companion is an instrument, or ``news``.
        n_late: Rows of other instruments that came too late for the bar in which they ended, and could be joined
            since the vector before.
    """

    joined: Annotated[dict[Name, TimeMs | None], Meta(max_length=10)]
    n_late: Count
