"""The structs of all events, which are facts in the past tense and are encoded as JSON.

Each event states when it happened by the clock of the venue (``event_time_ms``), when the platform first had it
(``known_time_ms``), its source (``source``) and its run (``stream``:
``live``, or the id of one replay or simulation). The known time is before the event time if the clock of the
venue is ahead: that is a skew, and no error.

A derived event is a function of its inputs: its known time is the largest of theirs, the record
that triggered it included. Undefined numbers are ``None`` here and ``null`` on the wire.

The JSON carries the name of the event in ``type``, so that a topic can hold more than one kind.
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
#: float64 holds these times exactly, and a bigint of Postgres holds them with room for sums.
TimeMs = Annotated[int, Meta(ge=-(2**53), le=2**53)]
#: A bigint and an integer of Postgres hold these numbers; a larger number would stop the job that stores it.
BigInteger = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Revision = Annotated[int, Meta(ge=0, le=2**31 - 1)]
#: Far more features than there are, and few enough that every message can be stored as a row.
FeatureValues = Annotated[dict[Name, float | None], Meta(max_length=1000)]
#: When a session of a producer began, which orders the sessions; 0 if it is not stated.
Epoch = Annotated[int, Meta(ge=0, le=2**53)]
#: No event has this time or a later one.
END_OF_TIME_MS = 2**53
LIVE = "live"


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


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """The fields of every event.

    Attributes:
        event_time_ms: When it happened, by the venue's clock: UTC milliseconds since 1970.
        known_time_ms: When the platform first had it; for a derived event, when the last of its
            inputs was known. It depends on nothing that was known later.
        source: The source of the event, such as ``binance``; every event of a simulated market has ``simulated``.
        stream: The run of the event: ``live``, or the id of one replay or simulation. Runs share
            topics, so read one stream at a time.
    """

    #: The version of the JSON. A kind whose JSON changes in a way that breaks readers declares the next number.
    schema_version: ClassVar[int] = 1
    #: The fields whose values, joined by a slash, are the record's key.
    key_fields: ClassVar[tuple[str, ...]] = ("instrument",)
    #: Two records with equal values of these fields are the same fact, however often it was published.
    natural_key: ClassVar[tuple[str, ...]] = ()

    event_time_ms: TimeMs
    known_time_ms: TimeMs
    source: Name
    stream: Name

    def fact(self) -> tuple[object, ...]:
        """Return the values of the natural key; two events of one kind with the same values are one fact."""
        return tuple(getattr(self, name) for name in self.natural_key)


class WatermarkAdvanced(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="WatermarkAdvanced"
):
    """The source has published all its events of before ``event_time_ms`` in this partition.

    It holds for the partition in which it lies, and for no other. A reader that collects by event time may
    close everything that ended at or before it.

    Attributes:
        epoch: The epoch of the session of the producer. A watermark of an earlier session than the newest one in
            this partition is void. It is left out of the JSON if it is 0.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    epoch: Epoch = 0


class SourceFellSilent(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceFellSilent"
):
    """The source has an outage in this partition from ``event_time_ms`` on: nothing is known of it.

    The outage ends with the next event of the source. No bar is made of the time between. While an outage of a live
    source lasts, this is published again at least once a second, with a later ``absent_until_ms``.

    Attributes:
        absent_until_ms: No event from ``event_time_ms`` up to this time will be published, so nobody needs to wait
            for events of that time. None states nothing.
        epoch: As in ``WatermarkAdvanced``.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    absent_until_ms: TimeMs | None = None
    epoch: Epoch = 0


class SourceReturned(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceReturned"):
    """The outage of the source in this partition has ended: it publishes events from ``event_time_ms`` on again.

    No event of the time between the silence and this will be published.

    Attributes:
        epoch: As in ``WatermarkAdvanced``.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    epoch: Epoch = 0


class TopicSwitched(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="TopicSwitched"):
    """The source continues in another topic: it changes from candles to trades, or back.

    The same record lies in the partitions of both topics. It is published first in the topic that is left, after the
    last event there. The events after it in the topic that is entered are later than all of those, although
    Kafka keeps no order between topics. So a reader of both must have read it in the left topic first.

    Attributes:
        left_topic: The topic in which the source published before, such as ``market.candle.v1``.
        entered_topic: The topic in which it continues.
        number: The number of the switch in its session, from 0.
        epoch: The epoch of the session of the producer; together with ``number`` it grows from switch to switch.
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
    """A source of a run is present or absent since the event time, which is a time of the run.

    This is a summary for people. Jobs that join or close windows use the records in the market topics. It is
    published once for each partition in which the source publishes.

    Attributes:
        is_present: Whether the source publishes.
        epoch: The epoch of the session of the producer that stated it.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms", "is_present", "epoch")

    is_present: bool
    epoch: Epoch = 0


#: The records about sources themselves: they order and explain other events, and are not stored in tables.
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
        n_trades: The number of trades; None if the venue does not state it.
        revision: 0 at first; later corrections of the venue count up, and the largest revision holds.
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

    An interval without a trade while the source publishes is a bar at the previous close. No bar is made of an
    outage.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        interval: The bar's length.
        start_ms: When it begins: UTC milliseconds, a multiple of the interval.
        open: The first price, quote units per base unit.
        high: The highest price.
        low: The lowest price.
        close: The last price.
        volume: What was traded, in base units.
        buy_volume: The part that buyers took from the book; None if the bar was made of candles.
        n_trades: 0 for an interval without a trade; None if the candle of the venue does not state it.
        n_late: The number of trades since the last bar that came too late for their bar and were not added.
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
    """The features of one instrument together with those of its companions, which are the input of its models.

    It is joined by content: of each companion it has the row of the newest bar that had
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
    """How soon a person must look: not at all, today, or now."""

    INFORMATION = "information"
    WARNING = "warning"
    PAGE = "page"


class AlertRaised(Event, frozen=True, kw_only=True, gc=False, tag="AlertRaised"):
    """A part of the platform itself needs attention, or no longer needs it.

    An alert is identified by its ``name`` and ``subject``. The same alert with ``is_resolved``
    ends it. Times are those of the wall clock of the process that raises it; those of ``repeated_trades``,
    which follows from the data alone, are the trade's.

    Attributes:
        name: The kind of alert, such as ``dead_letters`` or ``stalled_partition``.
        subject: The subject of the alert, such as a consumer or ``market.tick.v1/3``.
        severity: How soon a person must look.
        summary: One sentence for people: what was found, and what to do.
        value: The number that raised it; None if there is none.
        is_resolved: Whether the cause has gone.
    """

    key_fields = ("name", "subject")
    natural_key = ("stream", "name", "subject", "source", "event_time_ms", "is_resolved")

    name: Name
    subject: Name
    severity: Severity
    summary: Annotated[str, Meta(max_length=500)]
    value: float | None = None
    is_resolved: bool = False
