"""A machine that slept: every process is stopped and continued, and nobody has stalled."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from schemas import codec
from schemas.topics import ALERTS
from schemas.wire.kafka import read_range
from schemas.wire.processes import EXIT_FAILED
from schemas.wire.settings import KafkaEndpoint
from tests.fixtures.counting import Counting, counting_process

STALLED_S = 4.0
ASLEEP_S = 12.0
DEADLINE_S = 120.0


@pytest.fixture
def counting(apache: KafkaEndpoint) -> Counting:
    return Counting(apache, f"replay-{uuid4().hex[:12]}")


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ends_s, f"not within {DEADLINE_S:g} s"
        time.sleep(0.1)


@pytest.mark.kafka
def test_a_worker_that_was_stopped_for_longer_than_a_stall_has_not_stalled(
    counting: Counting, tmp_path: Path
) -> None:
    """After 95 s in which every process was stopped, a worker took the time for its own, and a page was raised.

    Its group may have given its share away meanwhile: then it ends, as fenced, and is started again.
    """
    log = tmp_path / "worker.log"
    with counting_process(counting, "0", log=log, stalled_after_s=STALLED_S) as worker:
        counting.publish(100)
        wait_until(counting.is_through)
        worker.send_signal(signal.SIGSTOP)
        counting.publish(100)
        time.sleep(ASLEEP_S)  # what is tested is that this time passes
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: worker.poll() is not None or counting.is_through())
        awake_until_s = time.monotonic() + 2 * STALLED_S
        while worker.poll() is None and time.monotonic() < awake_until_s:
            time.sleep(0.1)
        assert worker.poll() in {None, EXIT_FAILED}
    with counting_process(counting, "0", log=log):
        wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()
    places = {(ALERTS.name, number): 0 for number in range(ALERTS.n_partitions)}
    alerts = [codec.decode(ALERTS, record.value) for record in read_range(counting.endpoint, places)]
    assert [alert for alert in alerts if counting.stream in alert.subject] == []
