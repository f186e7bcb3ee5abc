"""The alerts that ``alerts.v1`` holds: all of them, or those that last."""

from collections.abc import Iterable

from schemas.events import AlertRaised
from schemas.topics import ALERTS
from schemas.wire.kafka import read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.monitoring.observing import alert_of


def published_alerts(endpoint: KafkaEndpoint) -> list[AlertRaised]:
    """Every alert of the last week, raised and resolved, in the order in which they were published."""
    found = read_range(endpoint, {(ALERTS.name, 0): 0})
    return [alert for record in found for alert in alert_of(record)]


def open_alerts(alerts: Iterable[AlertRaised]) -> list[AlertRaised]:
    """Those that were raised and not resolved since, as they were first raised."""
    found: dict[tuple[str, str, str], AlertRaised] = {}
    for alert in alerts:
        key = (alert.stream, alert.name, alert.subject)
        if alert.is_resolved:
            found.pop(key, None)
        else:
            found.setdefault(key, alert)
    return list(found.values())
