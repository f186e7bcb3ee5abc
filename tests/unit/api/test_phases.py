"""How a run stands, by what was seen of its clock."""

import pytest

from api.payloads.streams import Phase
from api.reading.phases import ClockWatcher, ObservedClock, phase_of
from tests.unit.api.events import AS_OF_MS, description

WARM_MS = AS_OF_MS
RUN = description(warm_up_until_ms=WARM_MS, end_ms=WARM_MS + 1_000_000, speed=60.0)


@pytest.mark.parametrize(
    ("clock_ms", "unchanged_s", "phase"),
    [
        (None, 0.0, Phase.STARTING),
        (None, 99.0, Phase.STARTING),
        (WARM_MS - 1, 1.0, Phase.WARMING_UP),
        (WARM_MS, 1.0, Phase.RUNNING),
        (WARM_MS, 16.0, Phase.STALLED),
        (WARM_MS - 1, 16.0, Phase.STALLED),
        (WARM_MS + 1_000_000, 3600.0, Phase.FINISHED),
    ],
)
def test_a_phase_is_told_by_the_clock(clock_ms, unchanged_s, phase):
    assert phase_of(RUN, ObservedClock(clock_ms, unchanged_s, None), speed=60.0) is phase


def test_at_real_time_a_clock_of_minutes_may_stand_for_three():
    slow = description(warm_up_until_ms=WARM_MS, speed=1.0)
    assert phase_of(slow, ObservedClock(WARM_MS, 179.0, None), speed=1.0) is Phase.RUNNING
    assert phase_of(slow, ObservedClock(WARM_MS, 181.0, None), speed=1.0) is Phase.STALLED


def test_a_clock_that_moved_each_second_is_missed_sooner():
    slow = description(warm_up_until_ms=WARM_MS, speed=1.0)
    assert phase_of(slow, ObservedClock(WARM_MS, 16.0, 1.0), speed=1.0) is Phase.STALLED


def test_the_watcher_counts_from_the_last_move():
    #  seconds   0    5    7    9   11
    #  clock     1    1    2    3    3
    watcher = ClockWatcher()
    seen = [watcher.saw(clock, at_s=at) for clock, at in [(1, 0.0), (1, 5.0), (2, 7.0), (3, 9.0), (3, 11.0)]]
    assert [sight.unchanged_s for sight in seen] == [0.0, 5.0, 0.0, 0.0, 2.0]
    assert [sight.step_s for sight in seen] == [None, None, None, 2.0, 2.0]
