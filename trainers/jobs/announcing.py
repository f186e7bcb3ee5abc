"""Announcing promotions on ``models.event.v1``."""

from schemas.codec import encode, headers, trace_id
from schemas.events import ModelPromoted
from schemas.topics import MODELS_EVENT
from schemas.wire.kafka import Publisher


class Announcements:
    """Publishes promotions, each acknowledged before the next.

    Args:
        publisher: To the broker of the stream.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def __call__(self, event: ModelPromoted) -> None:
        """Publish a promotion, and return when the broker has it.

        Raises:
            BrokerUnavailableError: If it was not acknowledged.
        """
        value = encode(event)
        self._publisher.publish(
            MODELS_EVENT.name,
            value,
            key=event.instrument.encode(),
            headers=headers(ModelPromoted, trace_id(value)),
        )
        self._publisher.flush()
