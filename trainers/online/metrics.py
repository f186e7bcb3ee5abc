"""Serves the learner's figures to Prometheus over HTTP, on this machine alone, if a port is set."""

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from schemas.errors import ConfigurationError
from trainers.online.target_learners import TargetLearner

_LOOPBACK = "127.0.0.1"
_TARGET = ("stream", "instrument", "interval", "horizon")
_COUNTS = ("learned", "tied", "void", "repeated", "evicted")


class LearnerMetrics:
    """The gauges of every target's learner, after the last row that it learnt."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._rows = self._gauge("rows", "What became of rows of features.", (*_TARGET, "outcome"))
        self._waiting = self._gauge("waiting_rows", "Rows that wait for their label.", _TARGET)
        self._accuracy = self._gauge(
            "accuracy", "Share of hits of predictions made before the row was learnt.", (*_TARGET, "model")
        )
        self._recent = self._gauge(
            "recent_accuracy", "The same, older outcomes fading: half is from some 350.", (*_TARGET, "model")
        )

    def watch(self, learner: TargetLearner) -> None:
        """Sets the gauges of a target's learner."""
        target = learner.target
        where = (learner.stream, target.instrument, target.interval.value, target.horizon.value)
        for outcome in _COUNTS:
            self._rows.labels(*where, outcome).set(getattr(learner.counts, outcome))
        self._waiting.labels(*where).set(len(learner.waiting))
        for learning in learner.models:
            accuracy = learning.record.accuracy
            if accuracy is not None:
                self._accuracy.labels(*where, learning.recipe.name).set(accuracy.value)
                self._recent.labels(*where, learning.recipe.name).set(learning.record.recent)

    def serve(self, port: int) -> None:
        """Answers scrapes in a thread of its own.

        Raises:
            ConfigurationError: If the port is in use.
        """
        try:
            start_http_server(port, addr=_LOOPBACK, registry=self.registry)
        except OSError as error:
            message = f"DRIFTLINE_ONLINE_METRICS_PORT: port {port} of {_LOOPBACK} is in use; set another port, or unset it"
            raise ConfigurationError(message) from error

    def _gauge(self, name: str, what: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"driftline_learner_{name}", what, labels, registry=self.registry)
