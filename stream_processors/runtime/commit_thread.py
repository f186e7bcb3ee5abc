"""The thread that commits one batch while the worker steps the next."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

import structlog

from schemas.events import Event
from stream_processors.runtime.committing import CommitProtocol
from stream_processors.runtime.deadlines import Deadline
from stream_processors.runtime.pending import PendingCommit

log = structlog.get_logger()
#: A commit takes milliseconds. The end of the process does not wait for one that hangs on a broker that is away.
_CLOSE_S = 2.0


class _Call(NamedTuple):
    function: Callable[[], bool]
    outcome: Future[bool]


class Committer:
    """Commits in a thread of its own, one outcome at a time.

    An error of the thread is raised in the worker at its next call. An aborted transaction is also made
    again at the worker's next call, because the client library lets only the worker's own thread ask the
    group's member for its metadata.

    Args:
        transactions: The steps to run.
        group_metadata: Called before each attempt.
    """

    def __init__(self, transactions: CommitProtocol, *, group_metadata: Callable[[], Any]) -> None:
        self._transactions = transactions
        self._group_metadata = group_metadata
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        # A daemon thread, since the process must not wait at its end for a broker that is away.
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
        self._thread.start()
        self._running: Future[bool] | None = None
        self._again: Callable[[], None] = lambda: None

    @property
    def is_idle(self) -> bool:
        """Whether the next outcome can be taken without waiting."""
        if self._running is not None and self._running.done():
            self._look()
        return self._running is None

    def submit(self, pending: PendingCommit) -> None:
        """Take an outcome, and begin to commit it once the outcome before is committed."""
        self.wait()
        self._attempt(pending, self._transactions.deadline())

    def show(self, events: Iterable[Event]) -> None:
        """Show views that are committed already, or ask whether Redis still has them."""
        self.wait()
        self._begin(partial(self._transactions.show, list(events)))

    def wait(self) -> None:
        """Wait until every outcome that was taken is committed and shown."""
        while self._running is not None:
            self._look()

    def close(self) -> None:
        """End the thread after what it does now; this waits for that, but not for long."""
        self._calls.put(None)
        self._thread.join(_CLOSE_S)

    def _attempt(self, pending: PendingCommit, deadline: Deadline) -> None:
        self._again = partial(self._attempt, pending, deadline)
        self._begin(partial(self._transactions.run, pending, self._group_metadata(), deadline))

    def _begin(self, call: Callable[[], bool]) -> None:
        self._running = Future()
        self._calls.put(_Call(call, self._running))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call.outcome.set_result(call.function())
            except BaseException as error:  # noqa: BLE001  (raised in the worker)
                call.outcome.set_exception(error)

    def _look(self) -> None:
        """Wait for the running attempt, and begin it again if its transaction was aborted."""
        running, self._running = self._running, None
        if running is not None and not running.result():
            log.warning("the aborted transaction is made again")
            self._again()
