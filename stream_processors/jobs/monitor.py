"""The monitor as a job: metrics and alerts about dead letters, lag, progress and the disk."""

import structlog

from schemas.errors import BrokerUnavailableError
from schemas.wire.clocks import SystemClock
from schemas.wire.processes import Stop
from stream_processors.monitoring.absences import NewsWatch, NewsWatcher
from stream_processors.monitoring.disks import look_at_disk
from stream_processors.monitoring.metrics import LOOPBACK, MonitorMetrics
from stream_processors.monitoring.monitors import Monitor
from stream_processors.settings import ProcessorSettings

log = structlog.get_logger()
_MB = 1_000_000


def run_monitor(settings: ProcessorSettings, stop: Stop) -> None:
    """Run the monitor until it is asked to stop.

    It waits for a broker that is away, however long that takes, because no other process remembers what it
    has seen.

    Raises:
        ConfigurationError: If the port for metrics is in use.
    """
    clock, metrics = SystemClock(), MonitorMetrics()
    port = metrics.serve(settings.metrics_port)
    if port is not None:
        log.info("metrics", url=f"http://{LOOPBACK}:{port}/metrics")
    monitor = Monitor(
        settings.kafka_endpoint(),
        stalled_after_s=settings.stalled_after_s,
        clock=clock,
        metrics=metrics,
        has_companions=bool(settings.parsed_companions()),
        has_news=settings.has_news,
        look_at_disk=lambda: look_at_disk(settings.data_dir, low_bytes=settings.low_disk_mb * _MB),
    )
    watch = _news_watch(settings, stop)
    while not stop():
        if watch is not None:
            watch.check()
        try:
            monitor.look()
        except BrokerUnavailableError as error:
            log.warning("broker is away", reason=str(error))
        stop.wait(settings.monitor_every_s)


def _news_watch(settings: ProcessorSettings, stop: Stop) -> NewsWatch | None:
    """Start to watch the news of a run that has some and whose time is that of the clock."""
    if settings.stream is None or not settings.has_news_by_the_clock:
        return None
    watcher = NewsWatcher(settings.kafka_endpoint(), settings.stream, clock=SystemClock())
    watch = NewsWatch(watcher, stop.wait)
    watch.start()
    return watch
