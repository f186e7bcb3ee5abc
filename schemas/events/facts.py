"""What every event has: its times, its source and its run; and the types of the fields that events share.

These types stand apart from the events because every subject uses them. Their bounds are promises: the codec
refuses a value outside them, so that every event that decodes can be stored.
"""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from schemas.arms import ARM_FORM

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
#: Addresses of pages; browsers and servers refuse longer ones.
Url = Annotated[str, Meta(min_length=1, max_length=2_000)]
#: One sentence for people.
Sentence = Annotated[str, Meta(min_length=1, max_length=500)]
LIVE = "live"


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
