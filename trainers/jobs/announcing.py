"""Publishes promotions on ``models.event.v1``; a promotion that the log still holds is not published again."""

from typing import NamedTuple, Self

from schemas.codec import decode, encode, headers, trace_id
from schemas.errors import ContractError
from schemas.events import ModelPromoted
from schemas.time import Interval
from schemas.topics import MODELS_EVENT
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import KafkaEndpoint


class _AliasKey(NamedTuple):
    """The alias of one target and stream, to which a version is promoted."""

    stream: str
    instrument: str
    interval: Interval
    horizon: Interval
    alias: str

    @classmethod
    def of(cls, event: ModelPromoted) -> Self:
        return cls(event.stream, event.instrument, event.interval, event.horizon, event.alias)


class Announcements:
    """Publishes promotions, and waits for the acknowledgement of each before the next.

    Every champion is announced at every start, because the embedded broker forgets it. If it already is the
    newest promotion of its target in the log, nothing is published.

    Args:
        endpoint: The broker of the stream.
    """

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self._endpoint = endpoint
        self._publisher = Publisher(endpoint, role="trainers")
        self._newest: dict[_AliasKey, ModelPromoted] | None = None

    def __call__(self, event: ModelPromoted) -> None:
        """Publishes a promotion, and returns when the broker has it.

        Raises:
            BrokerUnavailableError: If it was not acknowledged, or the log cannot be read.
        """
        newest = self._announced()
        key = _AliasKey.of(event)
        if newest.get(key) == event:
            return
        value = encode(event)
        self._publisher.publish(
            MODELS_EVENT.name,
            value,
            key=event.instrument.encode(),
            headers=headers(ModelPromoted, trace_id(value)),
        )
        self._publisher.flush()
        newest[key] = event

    def _announced(self) -> dict[_AliasKey, ModelPromoted]:
        """The newest announcement of each target; the topic has one partition and few records."""
        if self._newest is None:
            self._newest = {}
            for record in read_range(self._endpoint, {(MODELS_EVENT.name, 0): 0}):
                try:
                    event = decode(MODELS_EVENT, record.value, record.headers)
                except ContractError:
                    continue  # the consumers dead-letter it
                self._newest[_AliasKey.of(event)] = event
        return self._newest
