"""Counting messages with undeclared fields, on the newest records and away from every hot path.

The count is a sample, and its size is stated. On a slow topic it includes every record. On a topic that
grows between two looks by more records than a look reads, it includes the newest of each partition.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from schemas import codec
from schemas.contracts.unknown_fields import unknown_fields
from schemas.errors import ContractError
from schemas.topics import BY_NAME, EVENT_TOPICS
from schemas.wire.administration import Administration
from schemas.wire.following import Where, follow
from schemas.wire.kafka import Record
from schemas.wire.settings import KafkaEndpoint

#: How many records of each partition a look reads at most: some 6,000 records over all topics.
N_NEWEST = 200
_MOST_NAMES = 20
_LONGEST_NAME = 100


class FieldCounts(msgspec.Struct):
    """The counts of one topic since the first look.

    Attributes:
        n_checked: How many messages were events and were checked.
        n_with_unknown: How many of these had an undeclared field.
        names: How often each undeclared field was found. At most twenty names are kept.
    """

    n_checked: int = 0
    n_with_unknown: int = 0
    names: Counter[str] = msgspec.field(default_factory=Counter)

    def take(self, names: list[str]) -> None:
        """Count one message."""
        self.n_checked += 1
        self.n_with_unknown += bool(names)
        for name in (found[:_LONGEST_NAME] for found in names):
            if name in self.names or len(self.names) < _MOST_NAMES:
                self.names[name] += 1


class FieldCensus:
    """Looks at the event topics of one broker, at each record at most once.

    Args:
        endpoint: The broker.
        n_newest: How many records of each partition a look reads at most.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, n_newest: int = N_NEWEST) -> None:
        self._endpoint = endpoint
        self._n_newest = n_newest
        self._administration = Administration(endpoint)
        self._looked_to: dict[Where, int] = {}
        self._counts = {topic.name: FieldCounts() for topic in EVENT_TOPICS}

    def look(self) -> Mapping[str, FieldCounts]:
        """Look at the newest records, and return the counts by topic.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        there = self._administration.topics()
        partitions = [(topic.name, n) for topic in EVENT_TOPICS for n in range(there.get(topic.name, 0))]
        ends = self._administration.ends(partitions)
        starts = {w: max(self._looked_to.get(w, 0), ends[w] - self._n_newest) for w in partitions}
        new = {where: start for where, start in starts.items() if start < ends[where]}
        left = set(new)
        for record in follow(self._endpoint, new, stop=lambda: not left, is_endless=False):
            where = (record.topic, record.partition)
            if record.offset < ends[where]:
                self._take(record)
            if record.offset >= ends[where] - 1:
                left.discard(where)
        self._looked_to |= ends
        return self._counts

    def _take(self, record: Record) -> None:
        try:
            event = codec.decode(BY_NAME[record.topic], record.value, record.headers)
        except ContractError:
            return  # a consumer puts it aside as a dead letter, and those are counted elsewhere
        self._counts[record.topic].take(unknown_fields(event, record.value or b""))
