"""Workers that share a job on Apache Kafka: coming, going, killed, stopped and stalled, never losing or doubling."""

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from uuid import uuid4

import pytest

from schemas import codec
from schemas.errors import ProducerFencedError
from schemas.events import AlertRaised, Severity
from schemas.topics import ALERTS, MARKET_BAR, MARKET_CANDLE
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Reader, read_range
from schemas.wire.processes import EXIT_FAILED
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.alert_outbox import FOLDER, AlertOutbox
from stream_processors.runtime.alerts import STALLED_PARTITION, alert_of, publish_alert
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.liveness import LivenessSignals
from stream_processors.runtime.watching import EXIT_STALLED, Watchdog
from stream_processors.runtime.workers import Worker
from tests.fixtures.counting import (
    HANG_MS,
    HOLD_MS,
    PER_ALERT,
    Counting,
    CountingOperator,
    counting_job,
    counting_process,
    counting_settings,
    following_job,
)
from tests.fixtures.crashing import CrashError, CrashingClock

DEADLINE_S = 60.0
N_PARTITIONS = 4


@pytest.fixture
def counting(apache: KafkaEndpoint) -> Counting:
    return Counting(apache, f"replay-{uuid4().hex[:12]}")


class Running:
    """A worker in a thread, and the tasks it was given.

    Attributes:
        tasks: Partition numbers, in the order in which it took them over.
        failure: What it ended with.
    """

    def __init__(self, counting: Counting, worker_id: str, *, job: Job | None = None) -> None:
        self.tasks: list[int] = []
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._worker = Worker(
            self._noted(job or counting_job(counting.stream)),
            endpoint=counting.endpoint,
            views=None,
            stop=self._stop.is_set,
            settings=counting_settings(worker_id),
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _noted(self, job: Job) -> Job:
        def make(partition: int) -> CountingOperator:
            self.tasks.append(partition)
            return job.make_operator(partition)

        return Job(name=job.name, inputs=job.inputs, broadcasts=job.broadcasts, make_operator=make)

    def _run(self) -> None:
        try:
            self._worker.run()
        except BaseException as error:  # noqa: BLE001  (raised by stop)
            self.failure = error

    def stop(self) -> None:
        """Ask it to end, and return when it has."""
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure


@contextmanager
def running(counting: Counting, worker_id: str, *, job: Job | None = None) -> Iterator[Running]:
    """A worker within the block, from when it has a share."""
    worker = Running(counting, worker_id, job=job)
    try:
        wait_until(lambda: bool(worker.tasks))
        yield worker
    finally:
        worker.stop()


def wait_until(is_so: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    until = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


def test_a_worker_that_comes_takes_half_and_nothing_is_lost_or_doubled(counting: Counting) -> None:
    """::

    first  |0 1 2 3 ......|2 3 .........|
    second                |0 1 .........|
    """
    with running(counting, "first") as first:
        counting.publish(50)
        wait_until(counting.is_through)
        with running(counting, "second") as second:
            wait_until(lambda: _has_published_until(counting, lambda: len(second.tasks) == 2))
            counting.publish(50)
            wait_until(counting.is_through)
    assert sorted(first.tasks) == [0, 1, 2, 3]
    assert counting.numbers() == counting.expected()


def _has_published_until(counting: Counting, is_so: Callable[[], bool]) -> bool:
    """Inputs come all the while that the share changes."""
    counting.publish(5)
    return is_so()


def test_a_worker_that_goes_leaves_its_share_to_the_other(counting: Counting) -> None:
    with running(counting, "first") as first:
        with running(counting, "second") as second:
            wait_until(lambda: len(second.tasks) == 2)
            counting.publish(20)
            wait_until(counting.is_through)
        n_before = len(first.tasks)
        wait_until(lambda: _has_published_until(counting, lambda: len(first.tasks) == n_before + 2))
        wait_until(counting.is_through)
    assert sorted(first.tasks[n_before:]) == sorted(second.tasks)
    assert counting.numbers() == counting.expected()


def test_a_worker_that_comes_back_in_time_has_its_share_again_and_the_other_notices_nothing(
    counting: Counting,
) -> None:
    with running(counting, "first") as first:
        with running(counting, "second") as second:
            wait_until(lambda: len(second.tasks) == 2)
        n_before = len(first.tasks)
        with running(counting, "second") as again:
            counting.publish(20)
            wait_until(counting.is_through)
    assert sorted(again.tasks) == sorted(second.tasks)
    assert len(first.tasks) == n_before
    assert counting.numbers() == counting.expected()


def test_a_second_worker_of_the_same_name_ends_the_first(counting: Counting) -> None:
    counting.publish(20)
    first = Running(counting, "same")
    wait_until(counting.is_through)
    with running(counting, "same"):
        counting.publish(20)
        wait_until(lambda: first.failure is not None)
        wait_until(counting.is_through)
    with pytest.raises(ProducerFencedError):
        first.stop()
    assert counting.numbers() == counting.expected()


def test_a_worker_that_stood_still_is_fenced_and_doubles_nothing(counting: Counting, tmp_path: Path) -> None:
    """::

    zombie |0 1 2 3 ...|2 3 ...STOP            CONT -> ends
    other              |0 1 ...     |0 1 2 3 .........|
    """
    with counting_process(counting, "zombie", log=tmp_path / "zombie.log") as zombie:
        counting.publish(20)
        wait_until(counting.is_through)
        with running(counting, "other") as other:
            wait_until(lambda: _has_published_until(counting, lambda: len(other.tasks) == 2))
            zombie.send_signal(signal.SIGSTOP)
            wait_until(lambda: _has_published_until(counting, lambda: len(other.tasks) == N_PARTITIONS))
            zombie.send_signal(signal.SIGCONT)
            counting.publish(20)
            assert zombie.wait(timeout=DEADLINE_S) == EXIT_FAILED
            wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()


def test_killed_at_once_and_started_again_it_goes_on_where_it_was(counting: Counting, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    for _ in range(3):
        with counting_process(counting, "0", log=log) as worker:
            n_before = sum(map(len, counting.numbers().values()))
            counting.publish(200)
            wait_until(lambda n=n_before: sum(map(len, counting.numbers().values())) > n)  # type: ignore[misc]
            worker.kill()
    with running(counting, "0"):
        wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()


@pytest.mark.parametrize("looks", [17, 23, 29, 41])
def test_what_a_transaction_that_never_ended_wrote_is_invisible(counting: Counting, looks: int) -> None:
    counting.publish(300)
    worker = Worker(
        counting_job(counting.stream),
        endpoint=counting.endpoint,
        views=None,
        stop=counting.is_through,
        settings=counting_settings("0", max_batch=20),
        clock=CrashingClock(looks),
    )
    with pytest.raises(CrashError):
        worker.run()
    with running(counting, "0"):
        wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()


def test_a_worker_that_died_inside_a_transaction_does_not_hold_its_successor_up(counting: Counting) -> None:
    """Readers and the successor waited until the broker ended the transaction, 15 s and up to 10 s more.

    The successor asked for offsets for 15 s, and ended itself a moment before the broker let it have them.
    ::

        first  |0 1 2 3 ......|
        dead                  |0 1 2 3, takes over, begins a transaction ...
        other                                                              |0 1 2 3 ......|
    """
    with running(counting, "first"):
        counting.publish(5)
        wait_until(counting.is_through)
    with running(counting, "dead"):
        pass
    name = f"driftline-{counting.stream}"
    dead = Publisher(
        counting.endpoint,
        role="tests",
        transactional_id=f"{name}-dead",
        transaction_timeout_s=10 * DEADLINE_S,
    )
    dead.prepare_transactions(timeout_s=DEADLINE_S)
    dead.begin()
    reader = Reader(counting.endpoint, group=name, topics=(), is_fixed=True)
    places = [(MARKET_CANDLE.name, number) for number in range(N_PARTITIONS)]
    dead.send_offsets(reader.committed(places), reader.group_metadata(), timeout_s=DEADLINE_S)
    for number in range(N_PARTITIONS):
        dead.publish(MARKET_BAR.name, b"never seen", key=b"none", partition=number)
    dead.flush()
    with running(counting, "other"):
        counting.publish(5)
        wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()


def test_what_is_held_is_neither_lost_nor_read_twice_while_the_consumer_pauses(counting: Counting) -> None:
    """A partition that is paused and resumed goes on where it was, whatever was fetched before.

    ::

        candles   0 1 2 ... 999            in every partition; each may follow a silence of its number
        ticks                  0 1 2 ...   published later
    """
    job = following_job(counting.stream)
    with running(counting, "0", job=job):
        counting.publish(1_000)
        wait_until(lambda: counting.n_out() >= N_PARTITIONS * 10)
        assert counting.n_out() == N_PARTITIONS * 10
        for until in (15, 16, 500, 501, 502, 1_000):
            counting.allow(until)
            wait_until(lambda until=until: counting.n_out() >= N_PARTITIONS * until)
            assert counting.n_out() == N_PARTITIONS * until
    assert counting.numbers() == counting.expected()


def test_worker_that_takes_over_goes_on_with_what_is_held(counting: Counting) -> None:
    job = following_job(counting.stream)
    with running(counting, "0", job=job):
        counting.publish(300)
        wait_until(lambda: counting.n_out() >= N_PARTITIONS * 10)
        counting.allow(20)
    with running(counting, "1", job=job) as second:
        wait_until(lambda: counting.n_out() >= N_PARTITIONS * 20)
        counting.allow(300)
        with running(counting, "2", job=job):
            wait_until(counting.is_through)
        assert second.failure is None
    assert counting.numbers() == counting.expected()


def test_tasks_that_are_taken_over_later_know_what_was_broadcast_before(counting: Counting) -> None:
    """::

    alerts      A             B
    first  |0 1 2 3 ..|2 3 .......
    second            |0 1 .......
    """
    job = counting_job(counting.stream, has_broadcasts=True)
    with running(counting, "first", job=job):
        _raise_alert(counting)
        wait_until(lambda: _highest(counting) >= PER_ALERT)
        with running(counting, "second", job=job) as second:
            wait_until(lambda: len(second.tasks) == 2)
            _raise_alert(counting)
            wait_until(lambda: min(_last_of_each(counting)) >= 2 * PER_ALERT)
    for numbers in counting.numbers().values():
        counts = [number % PER_ALERT for number, _ in numbers]
        alerts = [number // PER_ALERT for number, _ in numbers]
        assert counts == list(range(1, len(numbers) + 1))
        assert alerts == sorted(alerts)
        assert set(alerts) <= {0, 1, 2}


def _raise_alert(counting: Counting) -> None:
    publisher = Publisher(counting.endpoint, role="tests")
    alert = alert_of(
        name="tests",
        subject=counting.stream,
        severity=Severity.WARNING,
        summary="An alert, for everybody to count.",
        now_ms=1,
        stream=counting.stream,
    )
    publish_alert(publisher, alert)
    publisher.flush()


def _highest(counting: Counting) -> int:
    counting.publish(1)
    return max(number for numbers in counting.numbers().values() for number, _ in numbers or [(0, 0)])


def _last_of_each(counting: Counting) -> list[int]:
    counting.publish(1)
    return [numbers[-1][0] for numbers in counting.numbers().values()]


def test_a_worker_whose_step_never_ends_ends_itself_and_raises_an_alert(
    counting: Counting, tmp_path: Path
) -> None:
    """Beside busy processes the alert named a partition that waited for the step, not the worker."""
    log = tmp_path / "worker.log"
    with counting_process(counting, "0", log=log, stalled_after_s=2.0) as worker:
        counting.publish(10)
        wait_until(counting.is_through)
        counting.publish(1, times=[HANG_MS])
        assert worker.wait(timeout=DEADLINE_S) == EXIT_STALLED
    alerts = _alerts_of(counting)
    assert [alert.name for alert in alerts] == [STALLED_PARTITION]
    assert not alerts[0].is_resolved
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_worker_whose_step_holds_the_interpreter_is_ended_and_the_next_one_raises_the_alert(
    counting: Counting, tmp_path: Path
) -> None:
    """The watchdog is a thread, which such a step keeps from running: the worker stood still for ever."""
    log = tmp_path / "worker.log"
    with counting_process(counting, "0", log=log, stalled_after_s=1.0) as worker:
        counting.publish(1, times=[HOLD_MS])
        assert worker.wait(timeout=DEADLINE_S) == -signal.SIGPROF
    assert _alerts_of(counting) == []
    with counting_process(counting, "0", log=log, stalled_after_s=1.0):
        wait_until(lambda: bool(_alerts_of(counting)))
    assert [alert.name for alert in _alerts_of(counting)] == [STALLED_PARTITION]
    assert "re/__init__.py" in log.read_text()


def test_a_loop_that_hangs_is_found_although_the_broker_does_not_answer() -> None:
    """A look that waited for the broker for half the time of a stall began the judging anew, each time."""
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    with socket() as silent:  # takes connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        liveness = LivenessSignals(SystemClock())
        liveness.watch([(MARKET_CANDLE.name, 0)])
        watchdog = Watchdog(
            KafkaEndpoint(bootstrap_servers=f"127.0.0.1:{silent.getsockname()[1]}", is_embedded=False),
            group="driftline-tests",
            worker_id="0",
            liveness=liveness,
            stalled_after_s=2.0,
            end_process=codes.put,
        )
        starting = threading.Thread(target=watchdog.start)  # outside the main thread it has no timer
        starting.start()
        assert codes.get(timeout=2 * DEADLINE_S) == EXIT_STALLED
        starting.join()
        watchdog.stop()


def test_what_a_worker_could_not_say_before_its_end_the_next_one_says(
    counting: Counting, tmp_path: Path
) -> None:
    """What no broker acknowledges in time was lost: the process had ended."""
    group = f"driftline-{counting.stream}"
    with socket() as silent:  # takes connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        nowhere = KafkaEndpoint(bootstrap_servers=f"127.0.0.1:{silent.getsockname()[1]}", is_embedded=False)
        dying = AlertOutbox(nowhere, data_dir=tmp_path, name=f"{group}-0")
        dying.publish(
            alert_of(
                name=STALLED_PARTITION, subject=group, severity=Severity.PAGE, summary="The last.", now_ms=1
            ),
            timeout_s=0.1,
        )
    assert list((tmp_path / FOLDER).iterdir())
    with counting_process(counting, "0", log=tmp_path / "worker.log"):
        wait_until(lambda: bool(_alerts_of(counting)))
        wait_until(lambda: not list((tmp_path / FOLDER).glob("*.json")))
    assert [alert.summary for alert in _alerts_of(counting)] == ["The last."]


def _alerts_of(counting: Counting) -> list[AlertRaised]:
    group = f"driftline-{counting.stream}"
    return [alert for alert in _alerts(counting.endpoint) if alert.subject == group]


def _alerts(endpoint: KafkaEndpoint) -> list[AlertRaised]:
    places = {(ALERTS.name, number): 0 for number in range(ALERTS.n_partitions)}
    return [codec.decode(ALERTS, record.value) for record in read_range(endpoint, places)]


def test_a_worker_asked_to_end_commits_what_it_has_taken(counting: Counting, tmp_path: Path) -> None:
    with counting_process(counting, "0", log=tmp_path / "worker.log") as worker:
        counting.publish(500)
        wait_until(lambda: any(counting.numbers().values()))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=DEADLINE_S) == 0
    with running(counting, "0"):
        wait_until(counting.is_through)
    assert counting.numbers() == counting.expected()
    assert MARKET_BAR.n_partitions == N_PARTITIONS
