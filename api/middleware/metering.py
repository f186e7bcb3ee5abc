"""The API's own Prometheus metrics. Their labels hold only route templates and served targets."""

import time
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.targets import Target

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class ApiMetrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.request_seconds = Histogram(
            "driftline_api_request_seconds",
            "From the request's first byte to the answer's last, by route.",
            ("method", "route", "status"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.predictions_served = Counter(
            "driftline_api_predictions_served",
            "Answers with a newest prediction, without those to clients that had it already.",
            ("instrument", "interval", "horizon", "arm"),
            registry=self.registry,
        )
        self.data_age_seconds = Gauge(
            "driftline_api_data_age_seconds",
            "From the newest prediction's as-of time to now, by the stream's clock; NaN if not known.",
            ("instrument", "interval", "horizon", "arm"),
            registry=self.registry,
        )

        self.failed_decisions = Gauge(
            "driftline_scoring_failed_decisions",
            "Closes without a prediction of an arm, because its version could not decide them.",
            ("instrument", "interval", "horizon", "arm"),
            registry=self.registry,
        )

    def count_served(self, target: Target) -> None:
        """Count an answered prediction."""
        self.predictions_served.labels(*target[1:]).inc()

    def set_data_age(self, target: Target, data_age_s: float | None) -> None:
        """Set the age of the newest prediction."""
        self.data_age_seconds.labels(*target[1:]).set(float("nan") if data_age_s is None else data_age_s)

    def set_failed(self, n_failed: Mapping[Target, int]) -> None:
        """Set the numbers of failed decisions, and remove the targets that are not among them."""
        self.failed_decisions.clear()
        for target, number in n_failed.items():
            self.failed_decisions.labels(*target[1:]).set(number)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


class Metering:
    """Measures the duration and status of every request. It is plain ASGI, which costs only microseconds."""

    def __init__(self, app: ASGIApp, *, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, and measure how long it took."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started_s = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            elapsed_s = time.perf_counter() - started_s
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            self._metrics.request_seconds.labels(method, route, str(status)).observe(elapsed_s)
