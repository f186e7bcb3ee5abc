"""The door to Kafka's administration: creating topics, and asking for ends, offsets and lags.

It stands apart from reading and publishing, which every job does; this is for operators' tools.
"""

from collections.abc import Iterable
from typing import Any

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import ConfigurationError
from schemas.topics import Topic
from schemas.wire.kafka import LARGEST_MESSAGE_BYTES, connection, translated
from schemas.wire.settings import KafkaEndpoint


class Administration:
    """Creates topics and looks at the log's ends."""

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self._endpoint = endpoint
        self._admin = AdminClient(connection(endpoint, "administration"))

    def is_ready(self, *, timeout_s: float = 1.0) -> bool:
        """Whether the broker answers."""
        try:
            self._admin.list_topics(timeout=timeout_s)
        except ck.KafkaException:
            return False
        return True

    def create_topics(self, topics: Iterable[Topic], *, replication: int = 1) -> list[str]:
        """Create the topics that are missing.

        Args:
            topics: From the table of :mod:`schemas.topics`.
            replication: Copies of each partition.

        Returns:
            The names that were created.

        Raises:
            ConfigurationError: If a topic exists with another number of partitions.
            BrokerUnavailableError: If the broker does not answer.
        """
        with translated():
            existing = self._admin.list_topics(timeout=10).topics
        wanted = list(topics)
        for topic in wanted:
            if topic.name in existing and len(existing[topic.name].partitions) != topic.n_partitions:
                message = (
                    f"topic {topic.name} must have {topic.n_partitions} partitions, "
                    f"has {len(existing[topic.name].partitions)}: delete it or use another broker"
                )
                raise ConfigurationError(message)
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        with translated():
            for future in self._admin.create_topics(
                [_new_topic(topic, replication) for topic in missing]
            ).values():
                _ignoring_existing(future)
        return [topic.name for topic in missing]


def _new_topic(topic: Topic, replication: int) -> NewTopic:
    config = (
        {"cleanup.policy": "compact"} if topic.is_compacted else {"retention.ms": str(topic.retention_ms)}
    )
    if not topic.events:  # a changelog or dead letters
        config["max.message.bytes"] = str(LARGEST_MESSAGE_BYTES)
    return NewTopic(topic.name, topic.n_partitions, replication, config=config)


def _ignoring_existing(future: Any) -> None:
    try:
        future.result(timeout=15)
    except ck.KafkaException as error:
        if error.args[0].code() != ck.KafkaError.TOPIC_ALREADY_EXISTS:
            raise
