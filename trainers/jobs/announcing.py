"""Announcing promotions on ``models.event.v1``, each once as long as the log remembers it."""

from typing import NamedTuple, Self

from schemas.codec import decode, encode, headers, trace_id
from schemas.errors import ContractError
from schemas.events import ModelPromoted
from schemas.time import Interval
from schemas.topics import MODELS_EVENT
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import KafkaEndpoint


class _Post(NamedTuple):
    """What a version is promoted to."""

    stream: str
    instrument: str
    interval: Interval
    horizon: Interval
    alias: str

    @classmethod
    def of(cls, event: ModelPromoted) -> Self:
        return cls(event.stream, event.instrument, event.interval, event.horizon, event.alias)


class Announcements:
    """Publishes promotions, each acknowledged before the next.

    A champion is announced at every start, since the embedded broker forgets it. Where it is the
    newest of its target in the log already, nothing is said again.

    Args:
        endpoint: The broker of the stream.
    """

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self._endpoint = endpoint
        self._publisher = Publisher(endpoint, role="trainers")
        self._newest: dict[_Post, ModelPromoted] | None = None

    def __call__(self, event: ModelPromoted) -> None:
        """Publish a promotion, and return when the broker has it.

        Raises:
            BrokerUnavailableError: If it was not acknowledged, or the log cannot be read.
        """
        newest = self._announced()
        post = _Post.of(event)
        if newest.get(post) == event:
            return
        value = encode(event)
        self._publisher.publish(
            MODELS_EVENT.name,
            value,
            key=event.instrument.encode(),
            headers=headers(ModelPromoted, trace_id(value)),
        )
        self._publisher.flush()
        newest[post] = event

    def _announced(self) -> dict[_Post, ModelPromoted]:
        """The newest announcement of each target; the topic has one partition and few records."""
        if self._newest is None:
            self._newest = {}
            for record in read_range(self._endpoint, {(MODELS_EVENT.name, 0): 0}):
                try:
                    event = decode(MODELS_EVENT, record.value, record.headers)
                except ContractError:
                    continue  # its consumers put it aside
                self._newest[_Post.of(event)] = event
        return self._newest
