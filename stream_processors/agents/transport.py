"""The client of Kafka under the app of Faust, where Faust's own does not do what a job needs.

- It reads committed records only. Faust does that with its transactions alone, which are not used here.
- It commits the offset that it is told. Faust's own count of acknowledged messages takes the markers of transactions
  for messages that are missing (faust#312, faust#596, faust#606), and the collector publishes in transactions.
- A full buffer only waits. Faust would stop fetching for a second each time.
- Its thread never keeps a process alive that has ended.
"""

from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

from schemas.topics import NEWS_ARTICLE

_PLACE = TP(NEWS_ARTICLE.name, 0)


class _DaemonThread(WorkerThread):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.daemon = True


class CommittedReadingThread(driver.AIOKafkaConsumerThread):
    """The thread of the consumer."""

    Worker = _DaemonThread

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        self.consumer.in_transaction = True  # which decides the isolation level, and nothing else here
        try:
            return super()._create_worker_consumer(transport)
        finally:
            self.consumer.in_transaction = False


class TellingConsumer(driver.Consumer):
    """The consumer, which commits what it is told."""

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return CommittedReadingThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing; whoever hands the next record over waits until there is room.

        Args:
            tp: The partition.
        """

    async def commit_next(self, offset: int) -> bool:
        """Commit the offset of the next article to read; False if the partition is not this consumer's any more."""
        if _PLACE not in self.assignment():
            return False
        return await self._commit({_PLACE: offset})


class AgentTransport(driver.Transport):
    """The transport of the app."""

    Consumer: ClassVar[Any] = TellingConsumer
