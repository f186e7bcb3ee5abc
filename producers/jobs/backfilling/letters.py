"""Publishes rows that are put aside as dead letters, from the threads of all sources."""

from collections.abc import Callable, Sequence
from threading import Lock

from producers.jobs.backfilling.judging import BadCandle
from producers.jobs.backfilling.places import Place
from producers.jobs.plans import Reject
from producers.jobs.publishing import Outlet, publish_rejects
from producers.normalise.rejects import RejectedRow


class DeadLetters:
    """Opens the log when the first row is put aside, so that a backfill without bad rows needs no broker.

    Args:
        open_outlet: Opens the log.
    """

    def __init__(self, open_outlet: Callable[[], Outlet]) -> None:
        self._open_outlet = open_outlet
        self._outlet: Outlet | None = None
        self._lock = Lock()

    def put_aside(self, place: Place, rows: Sequence[BadCandle | RejectedRow]) -> None:
        """Publish rows, and return when the log has them.

        Raises:
            BrokerUnavailableError: If the broker does not acknowledge them.
        """
        with self._lock:
            if self._outlet is None:
                self._outlet = self._open_outlet()
            publish_rejects(self._outlet, [_reject(place, row) for row in rows])
            self._outlet.flush()


def _reject(place: Place, row: BadCandle | RejectedRow) -> Reject:
    answer = f"backfill of {place.instrument} from {place.source}"
    if isinstance(row, RejectedRow):
        return Reject(answer, 0, "row", "can be read", row.reason, row.raw)
    return Reject(answer, row.start_ms, row.column, "candle of a venue", row.reason, row.raw)
