"""The monitor: what it sees goes into metrics, and what is not as it should be into alerts.

It keeps nothing. At its first look it reads in ``alerts.v1`` which alerts last, so that a restart raises
nothing a second time. It also ends ``stalled_partition`` alerts that a worker raised about itself.
"""

from collections.abc import Callable, Iterable

import structlog

from schemas.errors import BrokerUnavailableError
from schemas.time import Clock
from schemas.wire.freeing import give_memory_back
from schemas.wire.kafka import Publisher
from schemas.wire.settings import KafkaEndpoint
from stream_processors.monitoring.field_census import FieldCensus
from stream_processors.monitoring.metrics import MonitorMetrics
from stream_processors.monitoring.observing import LogObserver
from stream_processors.operators.alerting import AlertJudge, AlertVerdict, DiskState
from stream_processors.runtime.alerts import alert_of, publish_alert

log = structlog.get_logger()
#: The source that the monitor's alerts state.
SOURCE = "monitor"
_FIELDS_EVERY_S = 30.0


class Monitor:
    """Looks at one broker and at the data directory's disk, sets the metrics and publishes alerts.

    Args:
        endpoint: The broker.
        stalled_after_s: How long a group may stand still with records left to read: see :class:`AlertJudge`.
        clock: Tells when each look is.
        metrics: Shows what was seen last.
        has_companions: Whether any instrument has companions: see :class:`LogObserver`.
        has_news: Whether the run has news: see :class:`LogObserver`.
        look_at_disk: Returns the state of the data directory's disk; None leaves the disk out.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        stalled_after_s: float,
        clock: Clock,
        metrics: MonitorMetrics,
        has_companions: bool = False,
        has_news: bool = False,
        look_at_disk: Callable[[], DiskState] | None = None,
    ) -> None:
        self._clock = clock
        self._look_at_disk = look_at_disk
        self._metrics = metrics
        self._observer = LogObserver(endpoint, clock=clock, has_companions=has_companions, has_news=has_news)
        self._judge = AlertJudge(stalled_after_s=stalled_after_s)
        self._endpoint = endpoint
        self._publisher = Publisher(endpoint, role=SOURCE, is_compressed=False)
        self._has_looked = False
        self._unpublished: list[AlertVerdict] = []
        self._census = FieldCensus(endpoint)
        self._census_at_s = clock.monotonic_s()

    def look(self) -> None:
        """Look once, and publish the alerts that begin and those that are over.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        if self._look_at_disk is not None and self._has_looked:
            # The disk comes before the broker, which may have stopped because the disk is full.
            disk = self._look_at_disk()
            self._take(self._judge.judge_disk(disk, at_s=self._clock.monotonic_s()))
        seen, alerts = self._observer.look()
        for alert in alerts:
            # Its own alerts come back on the topic. Those of the first look are of an earlier run.
            if alert.source != SOURCE or not self._has_looked:
                self._judge.remember(alert)
        self._has_looked = True
        self._take(self._judge.judge(seen))
        self._publish()
        self._metrics.show(seen, self._judge.raised, now_ms=self._clock.now_ms())
        self._look_at_fields()

    def _publish(self) -> None:
        """Publish the verdicts that were kept.

        A publisher that failed once fails for ever, so a new one takes its place.
        """
        try:
            for verdict in self._unpublished:
                alert = alert_of(**verdict._asdict(), now_ms=self._clock.now_ms(), source=SOURCE)
                publish_alert(self._publisher, alert)
            self._publisher.flush()
        except BrokerUnavailableError:
            self._publisher = Publisher(self._endpoint, role=SOURCE, is_compressed=False)
            raise
        self._unpublished.clear()

    def _take(self, verdicts: Iterable[AlertVerdict]) -> None:
        """Keep verdicts until the broker has them, because each is judged only once."""
        for verdict in verdicts:
            log.warning("alert", **verdict._asdict())
            self._unpublished.append(verdict)

    def _look_at_fields(self) -> None:
        if self._clock.monotonic_s() - self._census_at_s >= _FIELDS_EVERY_S:
            self._census_at_s = self._clock.monotonic_s()
            self._metrics.show_fields(self._census.look())
            give_memory_back()  # the look reads thousands of records
