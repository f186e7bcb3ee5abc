"""The app of Faust: one agent that reads articles into a buffer, and the outlet through which the flow publishes.

Faust reads, assigns and sends; what is done with a batch, and when an offset is committed, is decided in
:mod:`stream_processors.agents.flows`. The app has no table, creates no topic and no folder, and listens nowhere.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import faust
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from schemas.errors import BrokerUnavailableError
from schemas.topics import NEWS_ARTICLE
from schemas.wire.connections import LARGEST_MESSAGE_BYTES
from schemas.wire.kafka import Record
from schemas.wire.settings import KafkaEndpoint
from stream_processors.agents.gathering import MOST_WAITING, RecordBuffer
from stream_processors.agents.outputs import NAME, OutgoingRecord, Outlet
from stream_processors.agents.transport import AgentTransport, TellingConsumer

GROUP = f"driftline-{NAME}"
#: How long the group keeps the partition of an agent that it does not hear of. The embedded broker holds a first join
#: back for half of it, and has no member that returns under its name.
_SESSION_S = 10.0
_EMBEDDED_SESSION_S = 6.0
_REQUEST_S = 15.0
#: Faust's own commits and watching of commits, which have nothing to do here.
_NEVER_S = 30 * 86_400.0


class SentimentApp(faust.App):
    """An app of Faust that keeps no table and no folder."""

    def _create_directories(self) -> None:
        """Create no folder, because there is no table to keep in one."""


def make_app(endpoint: KafkaEndpoint, buffer: RecordBuffer, *, worker_id: str) -> SentimentApp:
    """Return the app; it belongs to the event loop that runs now.

    Args:
        endpoint: The broker.
        buffer: Where the agent puts what it reads.
        worker_id: Names the member of the group. Apache Kafka gives a member that returns its partition at once.
    """
    session_s = _EMBEDDED_SESSION_S if endpoint.is_embedded else _SESSION_S
    app = SentimentApp(
        GROUP,
        broker=";".join(f"kafka://{address}" for address in endpoint.bootstrap_servers.split(",")),
        broker_client_id=GROUP,
        consumer_group_instance_id=f"{GROUP}-{worker_id}",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / 6,
        broker_rebalance_timeout=session_s,
        broker_request_timeout=_REQUEST_S,
        broker_commit_interval=_NEVER_S,
        producer_acks=-1,
        producer_request_timeout=_REQUEST_S,
        producer_max_request_size=LARGEST_MESSAGE_BYTES,
        stream_buffer_maxsize=MOST_WAITING,
        stream_wait_empty=False,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        loop=asyncio.get_running_loop(),
    )
    app.transport = AgentTransport(app.conf.broker_consumer, app)
    articles = app.topic(
        NEWS_ARTICLE.name,
        key_serializer="raw",
        value_serializer="raw",
        key_type=bytes,
        value_type=bytes,
        acks=False,
    )

    @app.agent(articles, name=NAME)
    async def gather(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            await buffer.put(record_of_message(event.message))

    return app


def record_of_message(message: Any) -> Record:
    """Return a message of Faust with all its parts."""
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value,
        tuple(message.headers or ()),
        None if message.timestamp is None else round(message.timestamp * 1000),
    )


class FaustOutlet(Outlet):
    """Publishes through an app.

    Args:
        app: The app, which has started.
    """

    def __init__(self, app: SentimentApp) -> None:
        self._app = app

    async def send(self, record: OutgoingRecord) -> Awaitable[object]:
        """Hand a record over; see the port."""
        try:
            sent = await self._app.producer.send(
                record.topic, record.key, record.value, 0, None, record.headers
            )
        except (KafkaError, ProducerSendError) as error:
            raise _translated(error) from error
        return _acknowledged(sent)

    async def commit(self, offset: int) -> None:
        """Commit an offset; see the port."""
        consumer = cast("TellingConsumer", self._app.consumer)
        try:
            is_committed = await consumer.commit_next(offset)
        except KafkaError as error:
            raise _translated(error) from error
        if not is_committed:
            message = f"Kafka: the group {GROUP} did not take the offset {offset}, because it assigned the partition anew"
            raise BrokerUnavailableError(message)


async def _acknowledged(sent: Awaitable[object]) -> object:
    try:
        return await sent
    except KafkaError as error:
        raise _translated(error) from error


def _translated(error: BaseException) -> BrokerUnavailableError:
    return BrokerUnavailableError(f"Kafka: {error!r}")
