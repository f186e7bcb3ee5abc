"""Raising and resolving alerts about the platform itself, on ``alerts.v1``.

It stands apart so that every worker can say what it sees of itself, the monitor being only one of
them. An alert is known by its name and subject; the same one with ``is_resolved`` ends it. The
record key is both together, so that a reader finds raising and resolving in order.
"""

from schemas import codec
from schemas.events import LIVE, AlertRaised, Severity
from schemas.topics import ALERTS
from schemas.wire.kafka import Publisher
from stream_processors.operators.alerting import DEAD_LETTERS, JOIN_WAITS, STALLED_PARTITION, Place

__all__ = ["DEAD_LETTERS", "JOIN_WAITS", "STALLED_PARTITION", "Place", "alert_key", "raise_alert"]

#: What the struct allows; a longer text is cut, since an alert must not fail on its own words.
_LONGEST_SUMMARY = 500
_LONGEST_SUBJECT = 100


def raise_alert(
    publisher: Publisher,
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
) -> None:
    """Publish an alert, or its end.

    It is on its way when this returns, and there after ``publisher.flush()`` or, within a
    transaction, its commit. The arguments are those of :func:`alert_of`.
    """
    alert = alert_of(
        name=name,
        subject=subject,
        severity=severity,
        summary=summary,
        now_ms=now_ms,
        value=value,
        is_resolved=is_resolved,
        stream=stream,
        source=source,
    )
    publish_alert(publisher, alert)


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
    """An alert, or its end.

    Args:
        name: What kind, such as ``STALLED_PARTITION``.
        subject: What it is about; of a partition :meth:`Place.subject`.
        summary: One sentence for people: what was found, what to do.
        now_ms: The wall clock, UTC milliseconds.
        value: The number that raised it.
        is_resolved: Whether what it was about is well again.
        stream: The run it is about; what concerns the platform as a whole says ``live``.
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
    """Hand an alert over; it is there after ``publisher.flush()``."""
    value = codec.encode(alert)
    headers = codec.headers(AlertRaised, codec.trace_id(value))
    publisher.publish(ALERTS.name, value, key=alert_key(alert), headers=headers)


def alert_key(event: AlertRaised) -> bytes:
    """The record key: what an alert is known by."""
    return f"{event.name}/{event.subject}".encode()
