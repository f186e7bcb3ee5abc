"""The lag of a consumer group: in messages, and in seconds.

Seconds matter to people, and only seconds are not distorted by transaction markers:
on Apache Kafka each marker takes an offset of its own, so a group that has read everything may still be
some offsets short of the end. A group lags if a record is left to read, and its lag is the age of that record.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.wire.administration import Administration
from schemas.wire.following import first_published
from schemas.wire.settings import KafkaEndpoint

Where = tuple[str, int]


class Lag(NamedTuple):
    """The lag of a group in one partition.

    Attributes:
        n_messages: The offsets from the committed one to the end, transaction markers included; 0
            if nothing is left to read.
        behind_s: The age of the first record that it has not consumed.
    """

    n_messages: int
    behind_s: float


def lags(
    endpoint: KafkaEndpoint,
    administration: Administration,
    *,
    group: str,
    partitions: Iterable[Where],
    now_ms: int,
) -> dict[Where, Lag]:
    """Return the lag of a group in each partition for which it has committed an offset.

    Args:
        endpoint: The address of the broker.
        administration: The administration client of the same broker.
        group: The consumer group.
        partitions: The topics and partitions to look at.
        now_ms: The wall clock in UTC milliseconds, with which times of publication are compared.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    committed = administration.committed(group, partitions)
    if not committed:
        return {}
    ends = administration.ends(committed)
    waiting = {where: offset for where, offset in committed.items() if ends[where] > offset}
    published = first_published(endpoint, waiting)
    return {
        where: Lag(ends[where] - offset, max(0.0, (now_ms - published[where]) / 1000))
        if where in published
        else Lag(0, 0.0)
        for where, offset in committed.items()
    }


def worst(found: Mapping[Where, Lag]) -> Lag:
    """Return the lag of a whole topic, or of a whole group: the sum of the messages and the longest lag in seconds."""
    return Lag(
        sum(lag.n_messages for lag in found.values()),
        max((lag.behind_s for lag in found.values()), default=0.0),
    )
