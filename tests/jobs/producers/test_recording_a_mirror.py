"""The perpetual of a mirror is recorded by the real process, which is killed and continues without a loss."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from producers.jobs.recording.folders import days
from producers.jobs.recording.kinds import RecordedKind
from producers.jobs.recording.parts import rows_of_day
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from tests.mirror.running import RunningMirror

CLOCK = SystemClock()
DEADLINE_S = 120.0
pytestmark = [pytest.mark.recorded, pytest.mark.servers]


@contextmanager
def recording(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "producers", "record"], env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def rows(folder: Path, stream: str, kind: RecordedKind, column: str) -> list[int]:
    found: list[int] = []
    for day in days(folder, stream, kind):
        found += rows_of_day(day, kind)[column].to_pylist()
    return found


def test_a_recorder_that_is_killed_and_ended_goes_on_without_a_loss(
    mirror: RunningMirror, endpoints: Endpoints, tmp_path: Path
) -> None:
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    environment = {
        **os.environ,
        "DRIFTLINE_DATA_DIR": str(tmp_path),
        "DATABASE_URL": endpoints.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka.bootstrap_servers,
        "REDIS_URL": endpoints.redis_url,
        "DRIFTLINE_SOURCES_MIRROR": mirror.address,
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_RECORDING_FLUSH_S": "1",
    }
    folder = tmp_path / "recording"
    n_seen = 0
    for end in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        with recording(environment) as process:
            until_s = CLOCK.monotonic_s() + DEADLINE_S
            while (
                len(rows(folder, stream, RecordedKind.TRADES, "trade_id")) < n_seen + 50
                and CLOCK.monotonic_s() < until_s
            ):
                CLOCK.sleep(0.2)
            process.send_signal(end)
            process.wait(timeout=60)
        ids = rows(folder, stream, RecordedKind.TRADES, "trade_id")
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert len(ids) >= n_seen + 50
        n_seen = len(ids)

    assert len(rows(folder, stream, RecordedKind.QUOTES, "received_ms")) > 10
    assert len(rows(folder, stream, RecordedKind.MARKS, "received_ms")) > 3
    assert len(rows(folder, stream, RecordedKind.OPEN_INTEREST, "received_ms")) >= 1
    fundings = rows(folder, stream, RecordedKind.FUNDINGS, "time_ms")
    assert len(fundings) == len(set(fundings)) > 0
    with PostgresPool(endpoints.database_url) as pool:
        gaps = StoredGaps(pool).gaps(stream)
    assert gaps
    assert not any(gap.is_open for gap in gaps)
