"""What sources say about themselves: how far they are, whether they publish, and how healthy they are."""

from enum import StrEnum

from schemas.events.facts import Count, Epoch, Event, Name, Sentence, TimeMs


class WatermarkAdvanced(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="WatermarkAdvanced"
):
    """The source has published all its events of before ``event_time_ms`` in this partition.

    It holds for the partition in which it lies, and for no other. A reader that collects by event time may
    close everything that ended at or before it. On topics of news it is about known time: all that was first seen
    before ``event_time_ms`` has been published.

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
    """The source publishes all events in this partition from ``event_time_ms`` on: its outage has ended, or it begins.

    No event of the time before this will be published, back to the silence if there was one.

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


class SourceHealth(StrEnum):
    """Whether a source outside the platform answers and has something new."""

    HEALTHY = "healthy"
    QUIET = "quiet"
    LIMITED = "limited"
    REFUSED = "refused"
    FAILING = "failing"
    UNKNOWN = "unknown"


class SourceHealthChanged(
    Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SourceHealthChanged"
):
    """The health of a source outside the platform, such as a venue or a newspaper, since the event time.

    It is published when the state changes, and repeated from time to time with the newest times.

    Attributes:
        state: ``healthy``; ``quiet`` if it answers and has had nothing new for several times its usual interval;
            ``limited`` if it asks for fewer requests (HTTP status 429); ``refused`` if it is not available here (403,
            418 or 451); ``failing`` if it does not answer, answers with errors or cannot be read; ``unknown`` before
            the first answer.
        reason: One sentence for people: what was observed.
        last_item_ms: The event time of its newest item; None before the first.
        last_answer_ms: When it last answered, by the clock of the platform; None before the first answer.
    """

    key_fields = ("source",)
    natural_key = ("stream", "source", "event_time_ms")

    state: SourceHealth
    reason: Sentence
    last_item_ms: TimeMs | None = None
    last_answer_ms: TimeMs | None = None


#: The records about sources themselves: they order and explain other events, and are not stored in tables.
ABOUT_SOURCES = (WatermarkAdvanced, SourceFellSilent, SourceReturned, TopicSwitched, SourceStatusChanged)
