"""The monitor: dead letters, lag and progress as metrics, and alerts when they are not well.

It keeps nothing: which alerts last it reads in ``alerts.v1`` at start, so that a restart raises
nothing again. It ends ``stalled_partition`` alerts that a worker raised about itself, too.
"""

from collections.abc import Callable, Iterable

import structlog

from schemas.errors import BrokerUnavailableError
from schemas.time import Clock
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher
from schemas.wire.processes import Stop
from schemas.wire.settings import KafkaEndpoint
from stream_processors.monitoring.disks import look_at_disk
from stream_processors.monitoring.field_census import FieldCensus
from stream_processors.monitoring.metrics import LOOPBACK, Metrics
from stream_processors.monitoring.observing import Observer
from stream_processors.operators.alerting import Disk, Judge, Verdict
from stream_processors.runtime.alerts import raise_alert
from stream_processors.settings import ProcessorSettings

log = structlog.get_logger()
SOURCE = "monitor"
_FIELDS_EVERY_S = 30.0
_MB = 1_000_000


class Monitor:
    """Looks, shows and raises.

    Args:
        stalled_after_s: See :class:`Judge`.
        has_companions: See :class:`Observer`.
        look_at_disk: How the data directory's disk is found at each look; None does not look.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        stalled_after_s: float,
        clock: Clock,
        metrics: Metrics,
        has_companions: bool = False,
        look_at_disk: Callable[[], Disk] | None = None,
    ) -> None:
        self._clock = clock
        self._look_at_disk = look_at_disk
        self._metrics = metrics
        self._observer = Observer(endpoint, clock=clock, has_companions=has_companions)
        self._judge = Judge(stalled_after_s=stalled_after_s)
        self._endpoint = endpoint
        self._publisher = Publisher(endpoint, role=SOURCE)
        self._has_looked = False
        self._unsaid: list[Verdict] = []
        self._census = FieldCensus(endpoint)
        self._census_at_s = clock.monotonic_s()

    def look(self) -> None:
        """Look once, and publish what begins and what is over.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        if self._look_at_disk is not None and self._has_looked:
            # Before the broker is asked, which may have ended for want of room.
            disk = self._look_at_disk()
            self._take(self._judge.judge_disk(disk, at_s=self._clock.monotonic_s()))
        seen, alerts = self._observer.look()
        for alert in alerts:
            # Its own come back in the topic; what it found there at start is an earlier run's.
            if alert.source != SOURCE or not self._has_looked:
                self._judge.remember(alert)
        self._has_looked = True
        self._take(self._judge.judge(seen))
        self._say()
        self._metrics.show(seen, self._judge.raised, now_ms=self._clock.now_ms())
        self._look_at_fields()

    def _say(self) -> None:
        """Publish what was kept; a publisher that failed once says so for ever, so another follows it."""
        try:
            for verdict in self._unsaid:
                raise_alert(self._publisher, **verdict._asdict(), now_ms=self._clock.now_ms(), source=SOURCE)
            self._publisher.flush()
        except BrokerUnavailableError:
            self._publisher = Publisher(self._endpoint, role=SOURCE)
            raise
        self._unsaid.clear()

    def _take(self, verdicts: Iterable[Verdict]) -> None:
        """Keep what was judged until the broker has it: it is judged once."""
        for verdict in verdicts:
            log.warning("alert", **verdict._asdict())
            self._unsaid.append(verdict)

    def _look_at_fields(self) -> None:
        if self._clock.monotonic_s() - self._census_at_s >= _FIELDS_EVERY_S:
            self._census_at_s = self._clock.monotonic_s()
            self._metrics.show_fields(self._census.look())


def run_monitor(settings: ProcessorSettings, stop: Stop) -> None:
    """Run it until asked to stop, however long a broker is away: it has seen what nobody else remembers.

    Raises:
        ConfigurationError: If the port for metrics is in use.
    """
    clock, metrics = SystemClock(), Metrics()
    port = metrics.serve(settings.metrics_port)
    if port is not None:
        log.info("metrics", url=f"http://{LOOPBACK}:{port}/metrics")
    monitor = Monitor(
        settings.kafka_endpoint(),
        stalled_after_s=settings.stalled_after_s,
        clock=clock,
        metrics=metrics,
        has_companions=bool(settings.parsed_companions()),
        look_at_disk=lambda: look_at_disk(settings.data_dir, low_bytes=settings.low_disk_mb * _MB),
    )
    while not stop():
        try:
            monitor.look()
        except BrokerUnavailableError as error:
            log.warning("broker is away", reason=str(error))
        stop.wait(settings.monitor_every_s)
