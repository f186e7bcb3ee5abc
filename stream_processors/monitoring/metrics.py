"""The monitor's metrics for Prometheus, over HTTP on this machine alone.

Names and labels follow the field's usage: ``driftline_consumer_lag_messages{group,topic,partition}``.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, start_http_server

from schemas.errors import ConfigurationError
from stream_processors.monitoring.field_census import FieldCounts
from stream_processors.operators.alerting import JOIN_WAITS, Key, MonitorObservation

LOOPBACK = "127.0.0.1"
#: A port below the range from which Linux takes the ports of outgoing connections.
USUAL_PORT = 19464
_N_TRIED = 100
_PARTITION = ("group", "topic", "partition")


class MonitorMetrics:
    """Gauges that show the last observation."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._depth = self._gauge("dead_letters_depth", "Dead letters without a resolution.", ("consumer",))
        self._messages = self._gauge(
            "consumer_lag_messages",
            "Offsets from the committed one to the end; 0 when nothing is left to read.",
            _PARTITION,
        )
        self._seconds = self._gauge(
            "consumer_lag_seconds", "How long ago the first unconsumed record was published.", _PARTITION
        )
        self._committed = self._gauge("consumer_committed_offset", "The next offset to read.", _PARTITION)
        self._end = self._gauge(
            "topic_end_offset", "The offset after the last record.", ("topic", "partition")
        )
        self._alerts = self._gauge("alerts_open", "Alerts that are raised and not resolved.", ("alert",))
        self._checked = self._gauge(
            "events_checked_for_unknown_fields",
            "Newest events that were checked since the start.",
            ("topic",),
        )
        self._unknown = self._gauge(
            "events_with_unknown_fields", "Checked events that had an undeclared field.", ("topic",)
        )
        self._lost = self._gauge(
            "bars_without_prediction",
            "The most bars whose features were dropped before their first champion came.",
        )
        self._joins = self._gauge(
            "join_waiting", "Joins that have waited for a companion for a minute and still wait.", ("join",)
        )
        self._observed = self._gauge(
            "monitor_observed_timestamp_seconds", "When the monitor last completed a look."
        )

    def show(self, seen: MonitorObservation, raised: frozenset[Key], *, now_ms: int) -> None:
        """Set every gauge to an observation.

        Args:
            seen: What the monitor observed.
            raised: The alerts that last.
            now_ms: The wall clock, UTC milliseconds.
        """
        for consumer, depth in seen.depths.items():
            self._depth.labels(consumer).set(depth)
        for (group, topic, partition), progress in seen.progress.items():
            where = (group, topic, str(partition))
            since_ms = progress.waiting_since_ms
            self._messages.labels(*where).set(progress.n_messages)
            self._seconds.labels(*where).set(0.0 if since_ms is None else max(0, now_ms - since_ms) / 1000)
            self._committed.labels(*where).set(progress.committed)
            self._end.labels(topic, str(partition)).set(progress.end)
        self._lost.set(seen.n_lost)
        self._alerts.clear()
        self._joins.clear()
        for name, subject in raised:
            self._alerts.labels(name).inc()
            if name == JOIN_WAITS:
                self._joins.labels(subject).set(1)
        self._observed.set(now_ms / 1000)

    def show_fields(self, found: Mapping[str, FieldCounts]) -> None:
        """Set the counts of undeclared fields; their names are foreign text, so they are no labels."""
        for topic, counts in found.items():
            self._checked.labels(topic).set(counts.n_checked)
            self._unknown.labels(topic).set(counts.n_with_unknown)

    def serve(self, port: int | None) -> int | None:
        """Answer Prometheus in a thread of its own.

        Args:
            port: The port; None takes the usual port or the next free one above it, and 0 does not listen.

        Returns:
            The port on which it listens, or None.

        Raises:
            ConfigurationError: If the port is in use.
        """
        if port == 0:
            return None
        for number in range(USUAL_PORT, USUAL_PORT + _N_TRIED) if port is None else (port,):
            try:
                start_http_server(number, addr=LOOPBACK, registry=self.registry)
            except OSError:
                continue
            return number
        message = f"DRIFTLINE_METRICS_PORT: port {port or USUAL_PORT} of {LOOPBACK} is in use; set another port, or 0"
        raise ConfigurationError(message)

    def _gauge(self, name: str, what: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"driftline_{name}", what, labels, registry=self.registry)
