"""Raising and resolving alerts about the platform itself, on ``alerts.v1``.

It stands apart so that every worker can say what it sees of itself, the monitor being only one of
them. An alert is known by its name and subject; the same one with ``is_resolved`` ends it. The
record key is both together, so that a reader finds raising and resolving in order.
"""

from schemas import codec
from schemas.events import LIVE, AlertRaised, Severity
from schemas.topics import ALERTS
from schemas.wire.kafka import Publisher

#: The names of alerts: letters that wait, and a consumer that does not move on.
DEAD_LETTERS = "dead_letters"
STALLED_PARTITION = "stalled_partition"
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
    transaction, its commit.

    Args:
        name: What kind, such as ``stalled_partition``.
        subject: What it is about, such as ``driftline-market market.tick.v1/3``.
        summary: One sentence for people: what was found, what to do.
        now_ms: The wall clock, UTC milliseconds.
        value: The number that raised it.
        is_resolved: Whether what it was about is well again.
        stream: The run it is about; what concerns the platform as a whole says ``live``.
        source: Who noticed.
    """
    event = AlertRaised(
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
    value_bytes = codec.encode(event)
    headers = codec.headers(AlertRaised, codec.trace_id(value_bytes))
    publisher.publish(ALERTS.name, value_bytes, key=alert_key(event), headers=headers)


def stalled_subject(group: str, topic: str, partition: int) -> str:
    """The subject of ``stalled_partition``: one form, so that a worker and the monitor mean the same."""
    return f"{group} {topic}/{partition}"


def alert_key(event: AlertRaised) -> bytes:
    """The record key: what an alert is known by."""
    return f"{event.name}/{event.subject}".encode()
