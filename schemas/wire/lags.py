"""How far a consumer group is behind: in messages, and in seconds.

Seconds are what people feel, and the only measure that the marks of transactions do not falsify:
on Apache Kafka each takes an offset of its own, so a group that has read everything may still be
some offsets short of the end. It is behind when a record is left to read, and by that record's age.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.wire.administration import Administration
from schemas.wire.following import first_published
from schemas.wire.settings import KafkaEndpoint

Where = tuple[str, int]


class Lag(NamedTuple):
    """How far behind a group is in one partition.

    Attributes:
        n_messages: From its committed offset to the end, the marks of transactions included; 0
            when nothing is left to read.
        behind_s: How long ago the first record that it has not consumed was published.
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
    """The lag of a group in each partition for which it has committed an offset.

    Args:
        now_ms: The wall clock, UTC milliseconds: what publication times are compared with.

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
    """Of a whole topic, or of all that a group reads: its messages together, its longest wait."""
    return Lag(
        sum(lag.n_messages for lag in found.values()),
        max((lag.behind_s for lag in found.values()), default=0.0),
    )
