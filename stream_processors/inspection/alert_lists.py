"""The alerts on ``alerts.v1``: all of them, or only those that last."""

from collections.abc import Iterable

from schemas.events import AlertRaised
from schemas.topics import ALERTS
from schemas.wire.kafka import read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.alerts import alert_in


def published_alerts(endpoint: KafkaEndpoint) -> list[AlertRaised]:
    """Return every alert of the last week, raised or resolved, in the order of publication."""
    found = read_range(endpoint, {(ALERTS.name, 0): 0})
    return [alert for record in found if (alert := alert_in(record)) is not None]


def open_alerts(alerts: Iterable[AlertRaised]) -> list[AlertRaised]:
    """Return the alerts that were raised and not resolved since, each as it was first raised."""
    found: dict[tuple[str, str, str], AlertRaised] = {}
    for alert in alerts:
        key = (alert.stream, alert.name, alert.subject)
        if alert.is_resolved:
            found.pop(key, None)
        else:
            found.setdefault(key, alert)
    return list(found.values())
