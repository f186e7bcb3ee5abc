"""Every event, as the struct that is encoded to JSON; past-tense facts.

Each says when it happened by the venue (``event_time_ms``), when we first had it
(``known_time_ms``), where it comes from (``source``) and which run it belongs to (``stream``:
``live``, or the id of one replay or simulation). Known before event happens in life, when a
venue's clock runs ahead: it is a skew, never an error.

A derived event is a function of its inputs: its known time is the largest of theirs, the record
that triggered it included. Undefined numbers are ``None`` here and ``null`` on the wire.

The JSON carries the event's name in ``type``, which is how a topic holds more than one kind.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from schemas.arms import ARM_FORM, CHAMPION
from schemas.time import Interval

#: Bounded so that sums over a day of bars stay finite.
Price = Annotated[float, Meta(gt=0, le=1e15)]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Probability = Annotated[float, Meta(ge=0, le=1)]
#: Short enough for four of them in one key of the durable store.
Name = Annotated[str, Meta(min_length=1, max_length=100)]
#: The alias under which a version was scored, such as ``champion``.
Arm = Annotated[str, Meta(pattern=ARM_FORM)]
#: What float64 holds exactly, and Postgres's bigint with room for sums.
TimeMs = Annotated[int, Meta(ge=-(2**53), le=2**53)]
#: What Postgres's bigint and integer hold: a message beyond them would stop whoever stores it.
BigInteger = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Revision = Annotated[int, Meta(ge=0, le=2**31 - 1)]
#: Far more than there are, and few enough that no message is a row that cannot be stored.
FeatureValues = Annotated[dict[Name, float | None], Meta(max_length=1000)]
#: When a session of a producer began, so that a later one is known from an earlier: 0 where nobody says.
Epoch = Annotated[int, Meta(ge=0, le=2**53)]
#: No source says anything at or after it.
END_OF_TIME_MS = 2**53
LIVE = "live"


class Direction(StrEnum):
    """Which way a price is said to go."""

    UP = "up"
    DOWN = "down"


class PredictionSet(StrEnum):
    """The directions that a conformal set holds: one, both, or none where the model fits neither."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"
    NONE = "none"


class Outcome(StrEnum):
    """Which way it went: a tie is no price change, void is no bar to compare with."""

    UP = "up"
    DOWN = "down"
    TIE = "tie"
    VOID = "void"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """What every event says.

    Attributes:
        event_time_ms: When it happened, by the venue's clock: UTC milliseconds since 1970.
        known_time_ms: When the platform first had it; of a derived event, when the last of its
            inputs was known. Nothing that was known later went into it.
        source: Who says so, such as ``binance``; all that comes of a simulated market says ``simulated``.
        stream: The run it belongs to: ``live``, or the id of one replay or simulation. Runs share
            topics, so read one stream at a time.
    """

    #: Of the JSON: a kind whose JSON changes so that its readers break declares the next number.
    schema_version: ClassVar[int] = 1
    #: The fields whose values, joined by a slash, are the record's key.
    key_fields: ClassVar[tuple[str, ...]] = ("instrument",)
    #: The fields that make two records the same fact, however often it was published.
    natural_key: ClassVar[tuple[str, ...]] = ()

    event_time_ms: TimeMs
    known_time_ms: TimeMs
    source: Name
    stream: Name

    def fact(self) -> tuple[object, ...]:
        """The values of the natural key: two events of one kind with the same values are one fact."""
        return tuple(getattr(self, name) for name in self.natural_key)


class WatermarkAdvanced(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="WatermarkAdvanced"
):
    """All that the source says of times before ``event_time_ms`` has been said, in this partition.

    It holds for the partition it lies in and for no other. A reader that collects by event time may
    close everything that ended at or before it.

    Attributes:
        epoch: Of the session of the producer; a watermark of an earlier session than the newest met in
            this partition is void. Left out of the JSON where it is 0.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    epoch: Epoch = 0


class SourceFellSilent(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceFellSilent"
):
    """From ``event_time_ms`` on nothing is known of this source in this partition: an outage.

    It ends with the source's next event. No bar is made of the time between. While an outage lasts in life
    it is said again at least once a second, with a later ``absent_until_ms``.

    Attributes:
        absent_until_ms: Nothing that happened from ``event_time_ms`` on and before this will come: who waits
            for the source's events of that time need not wait. None vouches for nothing.
        epoch: As in ``WatermarkAdvanced``.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    absent_until_ms: TimeMs | None = None
    epoch: Epoch = 0


class SourceReturned(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceReturned"):
    """The outage of this source in this partition is over: it speaks again of times from ``event_time_ms`` on.

    Nothing of the time between the silence and this will come.

    Attributes:
        epoch: As in ``WatermarkAdvanced``.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    epoch: Epoch = 0


class TopicSwitched(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="TopicSwitched"):
    """The source goes on in another topic: from candles to trades, or back.

    The same record lies in the partitions of both topics, first in those of the topic that is left, where it
    ends what was said there. What follows it in the topic that is entered comes after all of that, although
    Kafka keeps no order between topics: a reader of both must have met it in the left one first.

    Attributes:
        left_topic: Where the source spoke before, such as ``market.candle.v1``.
        entered_topic: Where it goes on.
        number: Counts the switches of a session from 0.
        epoch: Of the session of the producer; together with ``number`` it grows from switch to switch.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "epoch", "number")

    left_topic: Name
    entered_topic: Name
    number: Count
    epoch: Epoch = 0


class SourceStatusChanged(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceStatusChanged"
):
    """A source of a run is there, or is absent; event time is since when, in the run's time.

    A summary for people: whoever joins or closes windows goes by the records in the market topics. Each
    partition in which the source speaks says it once.

    Attributes:
        is_present: Whether the source speaks.
        epoch: Of the session of the producer that said so.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms", "is_present", "epoch")

    is_present: bool
    epoch: Epoch = 0


#: What is said of sources themselves: it orders and explains other events, and is no row of any table.
ABOUT_SOURCES = (WatermarkAdvanced, SourceFellSilent, SourceReturned, TopicSwitched, SourceStatusChanged)


class TickObserved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="TickObserved"):
    """One trade, as a venue reported it.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        trade_id: The venue's; grows with the venue's order and is unique per instrument, stream and epoch.
        price: Quote units per base unit.
        size: Base units.
        is_buyer_maker: Whether the buyer's order was in the book, so that the seller took it.
        id_epoch: How often the venue's ids have started again in this stream. Of two trades the one with the
            larger epoch comes later, and in one epoch the one with the larger id. Left out of the JSON where
            it is 0.
    """

    natural_key = ("stream", "instrument", "id_epoch", "trade_id")

    instrument: Name
    trade_id: BigInteger
    price: Price
    size: Amount
    is_buyer_maker: bool
    id_epoch: Count = 0


class CandleObserved(Event, frozen=True, kw_only=True, gc=False, tag="CandleObserved"):
    """A bar that the venue made, over ``[start_ms, start_ms + interval)``; event time is its end.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        interval: The bar's length.
        start_ms: When it begins: UTC milliseconds, a multiple of the interval.
        open: The first price, quote units per base unit.
        high: The highest price.
        low: The lowest price.
        close: The last price.
        volume: What was traded, in base units.
        n_trades: How many trades; None where the venue does not say.
        revision: 0 at first; the venue's later corrections count up, and the largest is what holds.
    """

    natural_key = ("stream", "instrument", "interval", "start_ms", "revision")

    instrument: Name
    interval: Interval
    start_ms: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    n_trades: Count | None = None
    revision: Revision = 0


class BarClosed(Event, frozen=True, kw_only=True, gc=False, tag="BarClosed"):
    """A bar that the platform made, over ``[start_ms, start_ms + interval)``; event time is its end.

    An interval without a trade inside a living stream is a bar at the previous close; an outage
    makes none.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        interval: The bar's length.
        start_ms: When it begins: UTC milliseconds, a multiple of the interval.
        open: The first price, quote units per base unit.
        high: The highest price.
        low: The lowest price.
        close: The last price.
        volume: What was traded, in base units.
        buy_volume: The part that buyers took from the book; None where trades are not seen.
        n_trades: 0 for an interval without a trade; None where the venue's candle does not say.
        n_late: Trades that came too late for their bar and were not added, since the last bar.
    """

    natural_key = ("stream", "instrument", "interval", "start_ms")

    instrument: Name
    interval: Interval
    start_ms: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    buy_volume: float | None
    n_trades: Count | None
    n_late: Count


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
    """The features of one instrument with its companions' beside them: what its models see.

    As ``FeaturesComputed``, and joined by content: of each companion the row of the newest bar that had
    ended by then and was known within two seconds.

    Attributes:
        instrument: Whose vector.
        interval: The length of the bars they are computed from.
        close: The bar's last price, quote units per base unit.
        feature_spec_hash: Of the declarations of the features, the companions and the allowance: two
            vectors with the same one mean the same by each name.
        is_warm: Whether every feature that is not optional has seen as many bars as it declares.
        values: By feature name, in the spec's order; None where undefined.
        joined: By companion, the event time of what was joined; None where there was nothing to join, so
            that its features are undefined.
        n_late: Rows of companions that came too late for the bar in which they ended, and could be joined
            since the vector before.
    """

    joined: Annotated[dict[Name, TimeMs | None], Meta(max_length=10)]
    n_late: Count


def _with_default(event: Event, name: str) -> None:
    """Set a field to the very object that is its default.

    msgspec leaves out a field whose value *is* the default, not one that equals it. A name that was decoded or
    read from a database would be written out, and the bytes of an event would hang on where it came from.
    """
    msgspec.structs.force_setattr(event, name, CHAMPION)


class PredictionMade(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="PredictionMade"):
    """What a model said at a bar's close; event time is the features-as-of time.

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
        """When the features are of."""
        return self.event_time_ms

    @property
    def resolves_at_ms(self) -> int:
        """When it can be judged."""
        return self.event_time_ms + self.horizon.milliseconds


class OutcomeResolved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="OutcomeResolved"):
    """How a prediction turned out; event time is when it could be judged.

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


class Severity(StrEnum):
    """How soon somebody must look: not at all, today, now."""

    INFORMATION = "information"
    WARNING = "warning"
    PAGE = "page"


class AlertRaised(Event, frozen=True, kw_only=True, gc=False, tag="AlertRaised"):
    """Something of the platform itself needs a look, or no longer does.

    An alert is known by its ``name`` and ``subject``; the same one again, with ``is_resolved``,
    ends it. Times are the wall clock's of whoever raises it; those of ``repeated_trades``, which follows
    from the data alone, are the trade's.

    Attributes:
        name: What kind, such as ``dead_letters`` or ``stalled_partition``.
        subject: What it is about, such as a consumer or ``market.tick.v1/3``.
        severity: How soon somebody must look.
        summary: One sentence for people: what was found, what to do.
        value: The number that raised it; None where there is none.
        is_resolved: Whether what it was about is well again.
    """

    key_fields = ("name", "subject")
    natural_key = ("stream", "name", "subject", "source", "event_time_ms", "is_resolved")

    name: Name
    subject: Name
    severity: Severity
    summary: Annotated[str, Meta(max_length=500)]
    value: float | None = None
    is_resolved: bool = False
