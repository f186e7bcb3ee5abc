"""Raising and resolving alerts about the platform itself, on ``alerts.v1``.

It stands apart so that every worker can publish what it notices about itself; the monitor is only one of
them. An alert is known by its name and subject, and the same alert with ``is_resolved`` ends it. The record
key is both together, so that a reader finds raising and resolving in order.
"""

from schemas import codec
from schemas.errors import ContractError
from schemas.events import LIVE, AlertRaised, Severity
from schemas.topics import ALERTS
from schemas.wire.kafka import Publisher, Record
from stream_processors.operators.alerting import DEAD_LETTERS, JOIN_WAITS, STALLED_PARTITION, GroupPartition

__all__ = [
    "DEAD_LETTERS",
    "JOIN_WAITS",
    "STALLED_PARTITION",
    "GroupPartition",
    "alert_in",
    "alert_key",
    "alert_of",
    "publish_alert",
]

#: The struct allows no more. A longer text is cut, because an alert must not fail because of its own text.
_LONGEST_SUMMARY = 500
_LONGEST_SUBJECT = 100


def alert_of(
    *,
    name: str,
    subject: str,
    severity: Severity,
    summary: str,
    now_ms: int,
    value: float | None = None,
    is_resolved: bool = False,
    stream: str = LIVE,
    source: str = "runtime",
) -> AlertRaised:
    """Return an alert, or the end of one.

    Args:
        name: The kind of alert, such as ``STALLED_PARTITION``.
        subject: What the alert is about; for a partition :meth:`GroupPartition.subject`.
        severity: Whom it calls.
        summary: One sentence for people: what was found, and what to do.
        now_ms: The wall clock, UTC milliseconds.
        value: The number that raised it.
        is_resolved: Whether the trouble is over.
        stream: The run that it is about; an alert about the platform as a whole says ``live``.
        source: Who noticed.
    """
    return AlertRaised(
        event_time_ms=now_ms,
        known_time_ms=now_ms,
        source=source,
        stream=stream,
        name=name,
        subject=subject[:_LONGEST_SUBJECT],
        severity=severity,
        summary=summary[:_LONGEST_SUMMARY],
        value=value,
        is_resolved=is_resolved,
    )


def publish_alert(publisher: Publisher, alert: AlertRaised) -> None:
    """Hand an alert over to a publisher.

    It is in the log after ``publisher.flush()`` or, within a transaction, after its commit.
    """
    value = codec.encode(alert)
    headers = codec.headers(AlertRaised, codec.trace_id(value))
    publisher.publish(ALERTS.name, value, key=alert_key(alert), headers=headers)


def alert_key(event: AlertRaised) -> bytes:
    """The record key: what an alert is known by."""
    return f"{event.name}/{event.subject}".encode()


def alert_in(record: Record) -> AlertRaised | None:
    """Return the alert that a record of ``alerts.v1`` holds.

    None stands for a record that cannot be read, which the history sink puts aside as a dead letter.
    """
    try:
        alert: AlertRaised = codec.decode(ALERTS, record.value, record.headers)
    except ContractError:
        return None
    return alert
