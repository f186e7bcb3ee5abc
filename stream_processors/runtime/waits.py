"""Joins that wait for long: an alert names the target and the companion, and ends when the join goes on.

The wall clock tells how long the same row has waited. A join whose first waiting row changes goes on. Alerts
that an earlier worker left open are read at the first look, so that they end too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import structlog

from schemas.errors import TransientError
from schemas.events import Severity
from schemas.time import Clock
from schemas.topics import ALERTS
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.protocols import JoinWait
from stream_processors.runtime.alerts import JOIN_WAITS, alert_in, alert_of, publish_alert

log = structlog.get_logger()
#: A companion's watermark comes every second in a live run, and a restart of the market processor takes seconds.
LONG_S = 60.0


class JoinWaitVerdict(NamedTuple):
    """An alert to raise, or to end."""

    stream: str
    subject: str
    summary: str
    value: float | None
    is_resolved: bool


class _FirstWaitingRow(NamedTuple):
    first_ms: int
    since_s: float


class WaitJudge:
    """Tells from looks which joins wait for long; it sees no clock.

    Args:
        long_s: How long the same row must have waited.
    """

    def __init__(self, *, long_s: float = LONG_S) -> None:
        self._long_s = long_s
        self._seen: dict[tuple[str, str], _FirstWaitingRow] = {}
        self._raised: set[tuple[str, str]] = set()

    def remember(self, stream: str, subject: str, *, is_resolved: bool) -> None:
        """Take in an alert that was raised or ended before.

        Args:
            stream: The run that the alert is about.
            subject: The target and the companion, as :func:`subject_of` names them.
            is_resolved: Whether the alert was ended.
        """
        (self._raised.discard if is_resolved else self._raised.add)((stream, subject))

    def judge(self, waits: Iterable[JoinWait], *, now_s: float) -> list[JoinWaitVerdict]:
        """Return the alerts that begin and those that are over."""
        found: list[JoinWaitVerdict] = []
        seen, self._seen = self._seen, {}
        stands: set[tuple[str, str]] = set()
        for wait in waits:
            key = (wait.stream, subject_of(wait))
            before = seen.get(key)
            if before is None or before.first_ms == wait.first_ms:
                stands.add(key)
            is_same = before is not None and before.first_ms == wait.first_ms
            self._seen[key] = (
                before if before is not None and is_same else _FirstWaitingRow(wait.first_ms, now_s)
            )
            waited_s = now_s - self._seen[key].since_s
            if waited_s >= self._long_s and key not in self._raised:
                self._raised.add(key)
                found.append(JoinWaitVerdict(*key, _summary(wait, waited_s), waited_s, is_resolved=False))
        for key in sorted(self._raised - stands):
            self._raised.discard(key)
            summary = f"the join goes on: {key[1]} is over"
            found.append(JoinWaitVerdict(*key, summary, None, is_resolved=True))
        return found


def subject_of(wait: JoinWait) -> str:
    """Return the subject of an alert: the target, and the companion that it waits for."""
    return f"{wait.target} waits for {wait.companion}"


def _summary(wait: JoinWait, waited_s: float) -> str:
    minutes = (wait.last_ms - wait.first_ms) / 60_000
    return (
        f"{wait.n_rows} rows of {wait.target} over {minutes:.0f} minutes of {wait.stream} have waited for "
        f"{wait.companion} for {waited_s:.0f} s: it had neither a watermark nor an absence. See whether its "
        "source and the market processor run."
    )


class JoinWatch:
    """Looks at the joins of a worker, and publishes alerts about joins that wait for long.

    Args:
        endpoint: The broker.
        group: The worker's group, which names the client.
        clock: Tells how long a join has waited.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, group: str, clock: Clock) -> None:
        self._endpoint = endpoint
        self._group = group
        self._clock = clock
        self._judge = WaitJudge()
        self._publisher: Publisher | None = None
        self._has_looked = False

    def look(self, waits: Iterable[JoinWait]) -> None:
        """Look once. If the broker does not answer, the next look asks it again."""
        try:
            if not self._has_looked:
                self._remember()
                self._has_looked = True
        except TransientError as error:
            log.warning("earlier alerts could not be read", reason=str(error))
            return
        for verdict in self._judge.judge(waits, now_s=self._clock.monotonic_s()):
            log.warning("join waits", **verdict._asdict())
            if self._publisher is None:
                self._publisher = Publisher(self._endpoint, role=f"{self._group}-waits")
            alert = alert_of(
                name=JOIN_WAITS,
                severity=Severity.WARNING,
                now_ms=self._clock.now_ms(),
                **verdict._asdict(),
            )
            publish_alert(self._publisher, alert)

    def _remember(self) -> None:
        for record in read_range(self._endpoint, {(ALERTS.name, 0): 0}):
            alert = alert_in(record)
            if alert is not None and alert.name == JOIN_WAITS:
                self._judge.remember(alert.stream, alert.subject, is_resolved=alert.is_resolved)
