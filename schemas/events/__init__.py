"""The structs of all events, which are facts in the past tense and are encoded as JSON.

Each event states when it happened by the clock of the venue (``event_time_ms``), when the platform first had it
(``known_time_ms``), its source (``source``) and its run (``stream``:
``live``, or the id of one replay or simulation). The known time is before the event time if the clock of the
venue is ahead: that is a skew, and no error.

A derived event is a function of its inputs: its known time is the largest of theirs, the record
that triggered it included. Undefined numbers are ``None`` here and ``null`` on the wire.

The JSON carries the name of the event in ``type``, so that a topic can hold more than one kind.
"""

from schemas.events.alerts import (
    AlertRaised,
    Severity,
)
from schemas.events.facts import (
    END_OF_TIME_MS,
    LIVE,
    Amount,
    Arm,
    BigInteger,
    Count,
    Epoch,
    Event,
    FeatureValues,
    Name,
    Price,
    Probability,
    Revision,
    Sentence,
    TimeMs,
    Url,
)
from schemas.events.features import (
    FeaturesComputed,
    VectorComputed,
)
from schemas.events.markets import (
    BarClosed,
    CandleObserved,
    PriceObserved,
    QuoteObserved,
    TickObserved,
)
from schemas.events.models import (
    ModelPromoted,
    PromotionTookEffect,
)
from schemas.events.news import (
    WHOLE_MARKET,
    ArticleLinked,
    ArticlePublished,
    NewsFeaturesComputed,
    SentimentScored,
)
from schemas.events.predictions import (
    Direction,
    Outcome,
    OutcomeResolved,
    PredictionMade,
    PredictionsAdvanced,
    PredictionSet,
)
from schemas.events.sources import (
    ABOUT_SOURCES,
    SourceFellSilent,
    SourceHealth,
    SourceHealthChanged,
    SourceReturned,
    SourceStatusChanged,
    TopicSwitched,
    WatermarkAdvanced,
)

__all__ = [
    "ABOUT_SOURCES",
    "END_OF_TIME_MS",
    "LIVE",
    "WHOLE_MARKET",
    "AlertRaised",
    "Amount",
    "Arm",
    "ArticleLinked",
    "ArticlePublished",
    "BarClosed",
    "BigInteger",
    "CandleObserved",
    "Count",
    "Direction",
    "Epoch",
    "Event",
    "FeatureValues",
    "FeaturesComputed",
    "ModelPromoted",
    "Name",
    "NewsFeaturesComputed",
    "Outcome",
    "OutcomeResolved",
    "PredictionMade",
    "PredictionSet",
    "PredictionsAdvanced",
    "Price",
    "PriceObserved",
    "Probability",
    "PromotionTookEffect",
    "QuoteObserved",
    "Revision",
    "Sentence",
    "SentimentScored",
    "Severity",
    "SourceFellSilent",
    "SourceHealth",
    "SourceHealthChanged",
    "SourceReturned",
    "SourceStatusChanged",
    "TickObserved",
    "TimeMs",
    "TopicSwitched",
    "Url",
    "VectorComputed",
    "WatermarkAdvanced",
]
