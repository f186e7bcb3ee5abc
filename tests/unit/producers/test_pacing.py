import pytest

from producers.jobs.pacing import Pacer
from schemas.wire.clocks import ManualClock


def never():
    return False


@pytest.mark.parametrize(("speed", "waited_s"), [(1.0, 60.0), (60.0, 1.0), (0.0, 0.0)])
def test_a_minute_of_known_time_takes_a_minute_over_the_speed(speed, waited_s):
    clock = ManualClock()
    pacer = Pacer(clock, speed=speed, is_stopped=never)

    assert pacer.wait_until(1_000_000)
    assert pacer.wait_until(1_060_000)

    assert clock.monotonic_s() == pytest.approx(waited_s, abs=0.001)


def test_a_simulation_that_is_behind_catches_up_without_waiting():
    clock = ManualClock()
    pacer = Pacer(clock, speed=1.0, is_stopped=never, starts_at_ms=100_000)

    pacer.wait_until(40_000)
    assert clock.monotonic_s() == 0.0
    pacer.wait_until(102_000)
    assert clock.monotonic_s() == pytest.approx(2.0, abs=0.001)


def test_an_outage_is_not_waited_for():
    clock = ManualClock()
    pacer = Pacer(clock, speed=1.0, is_stopped=never)

    pacer.wait_until(0)
    pacer.skip_gap()
    pacer.wait_until(86_400_000)

    assert clock.monotonic_s() == 0.0


def test_waiting_ends_when_the_process_is_asked_to_end():
    clock = ManualClock()
    pacer = Pacer(clock, speed=1.0, is_stopped=lambda: clock.monotonic_s() >= 1.0)

    pacer.wait_until(0)

    assert not pacer.wait_until(3_600_000)
    assert clock.monotonic_s() < 1.5
