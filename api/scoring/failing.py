"""Shows in Redis how many decisions of each target failed, at most once a second.

This module is separate from :mod:`.operators` because it has a clock and a store. The counts themselves are part of
the operator's state, so a count is written whole and not added to: writing it twice changes nothing.
"""

from collections import defaultdict

import msgspec
import structlog

from api.failures import FailedDecisions, failure_field
from api.scoring.judging import FailedDecision
from schemas.errors import StoreUnavailableError
from schemas.targets import Target
from schemas.time import Clock
from schemas.wire.redis import Views, failures_key

_EVERY_S = 1.0

_log = structlog.get_logger(__name__)


class FailureCounts:
    """Keeps the newest count of each target until it is written.

    Args:
        views: The views in Redis.
        clock: The clock that measures the second between two writes.
    """

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock
        self._written_s = float("-inf")
        self._unwritten: dict[Target, FailedDecisions] = {}

    def note(self, target: Target, failed: FailedDecision, n_failed: int) -> None:
        """Remember a failed decision.

        Args:
            target: The target that has no prediction of the row.
            failed: The row, the version and the error.
            n_failed: The number of failed decisions of the target, this one included.
        """
        self._unwritten[target] = FailedDecisions(
            n_failed=n_failed,
            as_of_ms=failed.row.event_time_ms,
            model_version=failed.promoted.model_version,
            reason=str(failed.error),
        )

    def show(self) -> None:
        """Write what is new, if the last write was a second ago. What Redis does not take now is tried again."""
        now_s = self._clock.monotonic_s()
        if not self._unwritten or now_s - self._written_s < _EVERY_S:
            return
        self._written_s = now_s
        by_stream: dict[str, dict[str, bytes]] = defaultdict(dict)
        for target, failures in self._unwritten.items():
            by_stream[target.stream][failure_field(target)] = msgspec.json.encode(failures)
        try:
            for stream, fields in by_stream.items():
                self._views.put_fields(failures_key(stream), fields)
        except StoreUnavailableError as error:
            _log.debug("failures are shown later", reason=str(error))
            return
        self._unwritten.clear()
