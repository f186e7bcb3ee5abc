"""The monitor tells of its disk on a real broker: raised once, ended once, and of a broker that was away, later."""

from pathlib import Path

import pytest

from schemas.events import Severity
from schemas.wire.clocks import ManualClock
from schemas.wire.settings import KafkaEndpoint
from stream_processors.inspection.alert_lists import published_alerts
from stream_processors.monitoring.disks import look_at_disk
from stream_processors.monitoring.metrics import MonitorMetrics
from stream_processors.monitoring.monitors import Monitor
from stream_processors.operators.alerting import DISK_SETTLED_S, DISK_SPACE, DISK_UNWRITABLE
from tests.fixtures.disks import fill

ROOM_BYTES = 100_000


def test_a_disk_that_fills_and_empties_is_raised_and_resolved_once(
    quiet_kafka: KafkaEndpoint, small_disk: Path
) -> None:
    clock = ManualClock(now_ms=1_000_000)
    monitor = Monitor(
        quiet_kafka,
        stalled_after_s=3600,
        clock=clock,
        metrics=MonitorMetrics(),
        look_at_disk=lambda: look_at_disk(small_disk, low_bytes=ROOM_BYTES),
    )

    def look() -> None:
        monitor.look()
        clock.sleep(DISK_SETTLED_S)

    look()
    look()
    filling = fill(small_disk)
    look()
    look()
    filling.unlink()
    look()
    look()
    look()

    about_it = [alert for alert in published_alerts(quiet_kafka) if alert.subject == str(small_disk)[:100]]
    for name, severity in ((DISK_SPACE, Severity.WARNING), (DISK_UNWRITABLE, Severity.PAGE)):
        said = [alert for alert in about_it if alert.name == name]
        assert [alert.is_resolved for alert in said] == [False, True]
        assert said[0].severity is severity


@pytest.mark.parametrize("low_bytes", [0, ROOM_BYTES])
def test_a_directory_that_is_not_there_cannot_be_written(tmp_path: Path, low_bytes: int) -> None:
    disk = look_at_disk(tmp_path / "nowhere", low_bytes=low_bytes)

    assert disk.trouble == "No such file or directory"
