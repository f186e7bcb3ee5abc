"""The table of topics: the events of each topic, its keys, its retention and its owner.

Names are ``domain.event.vN``. Keys are instruments, and assets on topics of news. All clients use the murmur2 partitioner, as
the clients of Java and Faust do, so that a key lies in the same partition whoever published
it. :func:`partition_of` computes it for records that vouch for a whole partition.

Source:
    The murmur2 variant of Apache Kafka's default partitioner (seed 0x9747b28c).
"""

from typing import Any

import msgspec

from schemas import events
from schemas.events import Event

N_PARTITIONS = 4
_HOUR_MS = 3_600_000
_WEEK_MS = 168 * _HOUR_MS


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic.

    Attributes:
        name: Its name on the broker.
        events: The kinds of event that it holds, the main kind first.
        owner: The only job that publishes its events, except for the kinds in ``other_owners``.
        about: What a subscriber finds there.
        n_partitions: The number of partitions, which is the same for topics that are joined.
        retention_ms: How long records are kept; None with compaction, -1 for ever.
        is_compacted: Whether only the newest record of each key is kept.
        other_owners: The kinds that another job publishes, each with that job: every kind has one owner.
    """

    name: str
    events: tuple[type[Event], ...]
    owner: str
    about: str = ""
    n_partitions: int = N_PARTITIONS
    retention_ms: int | None = _WEEK_MS
    is_compacted: bool = False
    other_owners: tuple[tuple[type[Event], str], ...] = ()

    @property
    def event_type(self) -> Any:
        """The union of its events, for a decoder."""
        union: Any = self.events[0]
        for kind in self.events[1:]:
            union = union | kind
        return union

    def owner_of(self, kind: type[Event]) -> str:
        """Return the only job that publishes a kind of event on this topic."""
        return dict(self.other_owners).get(kind, self.owner)

    @property
    def owners(self) -> tuple[str, ...]:
        """The jobs that publish on it, the owner first."""
        return tuple(dict.fromkeys([self.owner, *(owner for _, owner in self.other_owners)]))


#: The records of a source about itself: those that processors forward, and all that sources publish.
_SILENCES = (events.WatermarkAdvanced, events.SourceFellSilent, events.SourceReturned)
_MARKET_SOURCE = (*_SILENCES, events.TopicSwitched)

MARKET_TICK = Topic(
    name="market.tick.v1",
    events=(events.TickObserved, *_MARKET_SOURCE),
    owner="producers",
    about="Trades as venues report them.",
)
MARKET_CANDLE = Topic(
    name="market.candle.v1",
    events=(events.CandleObserved, *_MARKET_SOURCE),
    owner="producers",
    about="Bars that venues made, from files and their REST interfaces.",
)
MARKET_QUOTE = Topic(
    name="market.quote.v1",
    events=(events.QuoteObserved, *_SILENCES),
    owner="producers",
    about="The best bid and ask of venues, at most once a second for each instrument.",
)
MARKET_PRICE = Topic(
    name="market.price.v1",
    events=(events.PriceObserved, *_SILENCES),
    owner="collector",
    about="The latest prices that sources state without trades; some of them are quarantined.",
)
NEWS_ARTICLE = Topic(
    name="news.article.v1",
    events=(events.ArticlePublished, *_SILENCES),
    owner="collector",
    about=(
        "Articles and their corrections: one record for each asset that an article mentions. Watermarks are about "
        "known time."
    ),
    n_partitions=1,
    retention_ms=4 * _WEEK_MS,
)
NEWS_DUPLICATE = Topic(
    name="news.duplicate.v1",
    events=(events.ArticleLinked,),
    owner="articles",
    about="Which articles are copies of one that was seen before.",
    n_partitions=1,
    retention_ms=4 * _WEEK_MS,
)
NEWS_SENTIMENT = Topic(
    name="news.sentiment.v1",
    events=(events.SentimentScored, *_SILENCES),
    owner="sentiment",
    about=(
        "The sentiment of articles: one record for each asset and scorer, and a refusal where a text has no score. "
        "Watermarks are about known time."
    ),
    n_partitions=1,
    retention_ms=4 * _WEEK_MS,
    other_owners=((events.SourceFellSilent, "monitor"),),
)
MARKET_BAR = Topic(
    name="market.bar.v1",
    events=(events.BarClosed, *_SILENCES),
    owner="market",
    about="Bars that the platform made of trades or of shorter bars, closed by event time.",
)
FEATURES_MARKET = Topic(
    name="features.market.v1",
    events=(events.FeaturesComputed, *_SILENCES),
    owner="market",
    about="The indicators of an instrument at each bar's close, by name.",
)
FEATURES_NEWS = Topic(
    name="features.news.v1",
    events=(events.NewsFeaturesComputed, *_SILENCES),
    owner="news",
    about="The features of the news about an asset at the end of each minute, by name. Watermarks are about known time.",
    n_partitions=1,
)
FEATURES_VECTOR = Topic(
    name="features.vector.v1",
    events=(events.VectorComputed, events.WatermarkAdvanced),
    owner="vectors",
    about="The indicators of an instrument together with those of its companions, if it has companions.",
)
PREDICTIONS = Topic(
    name="predictions.v1",
    events=(events.PredictionMade,),
    owner="scoring",
    about="The predictions of models at each bar's close.",
)
OUTCOMES = Topic(
    name="outcomes.v1",
    events=(events.OutcomeResolved,),
    owner="outcomes",
    about="How each prediction turned out, at its horizon.",
)
MODELS_EVENT = Topic(
    name="models.event.v1",
    events=(events.ModelPromoted,),
    owner="trainers",
    about="Which model serves from when.",
    n_partitions=1,
    retention_ms=-1,
)
SOURCES_STATUS = Topic(
    name="sources.status.v1",
    events=(events.SourceStatusChanged, events.SourceHealthChanged),
    owner="market",
    about="Which sources publish, which are absent, which answer and which refuse, and since when: for people.",
    other_owners=((events.SourceHealthChanged, "collector"),),
)
MODELS_EFFECT = Topic(
    name="models.effect.v1",
    events=(events.PromotionTookEffect,),
    owner="scoring",
    about="From which as-of time on a promoted model predicts, in fact.",
    n_partitions=1,
    retention_ms=-1,
)
#: Every worker raises its own alerts, so the owner of this topic is the runtime, which all workers share.
ALERTS = Topic(
    name="alerts.v1",
    events=(events.AlertRaised,),
    owner="runtime",
    about="What is wrong with the platform itself, and when it is resolved.",
    n_partitions=1,
)

EVENT_TOPICS = (
    MARKET_TICK,
    MARKET_CANDLE,
    MARKET_QUOTE,
    MARKET_PRICE,
    NEWS_ARTICLE,
    NEWS_DUPLICATE,
    NEWS_SENTIMENT,
    MARKET_BAR,
    FEATURES_MARKET,
    FEATURES_NEWS,
    FEATURES_VECTOR,
    PREDICTIONS,
    OUTCOMES,
    MODELS_EVENT,
    SOURCES_STATUS,
    MODELS_EFFECT,
    ALERTS,
)

#: How far the predictions of each partition are. It is for the label join alone, and no contract with subscribers.
PROGRESS_SCORING = Topic(
    name="progress.scoring.v1",
    events=(events.PredictionsAdvanced,),
    owner="scoring",
    about="How far predictions are, for the job outcomes: no contract with anybody else.",
)

#: The jobs that keep state, and the consumers that can receive a bad message.
STATEFUL_JOBS = ("market", "vectors", "outcomes", "scoring", "learner", "articles", "news")
CONSUMERS = (
    "market",
    "vectors",
    "outcomes",
    "scoring",
    "learner",
    "articles",
    "sentiment",
    "news",
    "history",
    "replay",
    "collect",
)


def changelog(job: str) -> Topic:
    """Return the topic in which a job keeps its state by key; each operator has the partition of its number."""
    return Topic(
        name=f"changelog.{job}.v1",
        events=(),
        owner=job,
        about=f"The state of the job {job}, for itself: no contract with anybody else.",
        retention_ms=None,
        is_compacted=True,
    )


def dead_letters(consumer: str) -> Topic:
    """Return the topic of the messages that a consumer could not process, with the reason in the headers."""
    return Topic(
        name=f"dead_letters.{consumer}.v1",
        events=(),
        owner=consumer,
        about=f"Messages that {consumer} could not process, whole, with the reason in the headers.",
        n_partitions=1,
        retention_ms=4 * _WEEK_MS,
    )


ALL_TOPICS = (
    *EVENT_TOPICS,
    PROGRESS_SCORING,
    *(changelog(job) for job in STATEFUL_JOBS),
    *(dead_letters(consumer) for consumer in CONSUMERS),
)
BY_NAME = {topic.name: topic for topic in ALL_TOPICS}

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def partition_of(key: bytes, n_partitions: int) -> int:
    """Return the partition of a key, as every client of the platform computes it.

    Args:
        key: The key of the record.
        n_partitions: The number of partitions of the topic, > 0.

    Returns:
        A number in ``[0, n_partitions)``.

    Source:
        Apache Kafka, ``Utils.murmur2`` and ``Utils.toPositive``.

    Example:
        >>> partition_of(b"21", 1000)
        340
    """
    return (_murmur2(key) & 0x7FFFFFFF) % n_partitions


def _murmur2(data: bytes) -> int:
    length = len(data)
    value = (0x9747B28C ^ length) & _MASK
    whole = length - length % 4
    for i in range(0, whole, 4):
        word = int.from_bytes(data[i : i + 4], "little")
        word = (word * _M) & _MASK
        word ^= word >> 24
        word = (word * _M) & _MASK
        value = ((value * _M) & _MASK) ^ word
    tail = data[whole:]
    if tail:
        value ^= int.from_bytes(tail, "little")
        value = (value * _M) & _MASK
    value ^= value >> 13
    value = (value * _M) & _MASK
    return value ^ (value >> 15)
