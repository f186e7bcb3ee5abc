"""The collector's metrics for Prometheus, over HTTP on this machine alone."""

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server

from producers.jobs.collecting.reports import SourceReport
from schemas.errors import ConfigurationError
from schemas.events import SourceHealth

LOOPBACK = "127.0.0.1"
#: A port below the range from which Linux takes the ports of outgoing connections.
USUAL_PORT = 19_564
_N_TRIED = 100


class CollectorMetrics:
    """Counters and gauges by source."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._items = Counter(
            "driftline_collected_items",
            "Items of sources since the start: published (new), known (duplicate), put aside (rejected).",
            ("source", "kind"),
            registry=self.registry,
        )
        self._requests = Counter(
            "driftline_collected_requests",
            "Requests to sources since the start.",
            ("source",),
            registry=self.registry,
        )
        self._state = Gauge(
            "driftline_source_health",
            "1 for the state of each source.",
            ("source", "state"),
            registry=self.registry,
        )
        self._newest = Gauge(
            "driftline_source_newest_item_timestamp_seconds",
            "The event time of the newest item of each source.",
            ("source",),
            registry=self.registry,
        )
        self._leads = Gauge(
            "driftline_collector_leads",
            "Whether this collector leads (1) or waits (0).",
            registry=self.registry,
        )

    def show_leading(self, *, leads: bool) -> None:
        """Set whether this collector leads."""
        self._leads.set(leads)

    def show(self, report: SourceReport, *, since: SourceReport) -> None:
        """Take the growth of a report since an earlier one into account."""
        kinds = {"new": "n_new", "duplicate": "n_duplicate", "rejected": "n_rejected"}
        for kind, name in kinds.items():
            self._items.labels(report.source, kind).inc(getattr(report, name) - getattr(since, name))
        self._requests.labels(report.source).inc(report.n_requests - since.n_requests)
        for state in SourceHealth:
            self._state.labels(report.source, str(state)).set(state is report.state)
        if report.newest_ms is not None:
            self._newest.labels(report.source).set(report.newest_ms / 1000)

    def serve(self, port: int | None) -> int | None:
        """Answer Prometheus in a thread of its own, and return the port.

        Args:
            port: The port; None takes the usual port or the next free one above it, and 0 does not listen.

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
        message = f"DRIFTLINE_COLLECTOR_METRICS_PORT: port {port or USUAL_PORT} of {LOOPBACK} is in use; set another, or 0"
        raise ConfigurationError(message)
