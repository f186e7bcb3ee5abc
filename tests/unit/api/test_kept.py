"""What was read is kept for a moment, for all requests."""

import threading

import pytest

from api.reading.kept import Kept
from schemas.errors import StoreUnavailableError
from schemas.wire.clocks import ManualClock


def test_it_is_read_once_until_the_moment_is_over():
    clock, n_read = ManualClock(), iter(range(9))
    kept = Kept(lambda: next(n_read), clock, kept_s=1.0)
    assert [kept.newest(), kept.newest()] == [0, 0]
    clock.sleep(1.0)
    assert [kept.newest(), kept.newest()] == [1, 1]


def test_what_was_read_before_is_answered_while_the_stores_do_not_answer():
    clock, answers = ManualClock(), iter(["first", None, "third"])

    def read() -> str:
        found = next(answers)
        if found is None:
            message = "Postgres: away"
            raise StoreUnavailableError(message)
        return found

    kept = Kept(read, clock, kept_s=1.0)
    found = []
    for _ in range(3):
        found.append(kept.newest())
        clock.sleep(1.0)
    assert found == ["first", "first", "third"]


def test_what_was_never_read_is_an_error_while_the_stores_do_not_answer():
    def read() -> str:
        message = "Postgres: away"
        raise StoreUnavailableError(message)

    with pytest.raises(StoreUnavailableError):
        Kept(read, ManualClock(), kept_s=1.0).newest()


def test_requests_do_not_wait_for_the_one_that_reads_anew():
    clock, may_go, reads = ManualClock(), threading.Event(), []

    def read() -> int:
        if reads:
            assert may_go.wait(60)
        reads.append(len(reads))
        return reads[-1]

    kept = Kept(read, clock, kept_s=1.0)
    assert kept.newest() == 0
    clock.sleep(1.0)
    slow = threading.Thread(target=kept.newest)
    slow.start()
    while not kept._reading.locked():
        pass
    assert kept.newest() == 0
    may_go.set()
    slow.join(60)
    assert kept.newest() == 1
