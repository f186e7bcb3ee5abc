"""Laws of those who watch: time in which they did not run is no stall, and a stall is found all the same."""

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.operators.alerting import AlertJudge, GroupPartition, GroupProgress, MonitorObservation
from stream_processors.runtime.stalls import StallJudge

AFTER_S = 60.0
LOOK_S = 5.0
PLACE = GroupPartition("driftline-market", "market.tick.v1", 3)
WHERE = (PLACE.topic, PLACE.partition)

#: Seconds between looks: usual ones, delayed ones, and sleeps of up to a week.
gaps = st.lists(
    st.one_of(st.just(LOOK_S), st.floats(0.1, 20.0), st.floats(31.0, 604_800.0)), min_size=1, max_size=60
)
sleeps = st.lists(st.floats(0.1, 604_800.0), max_size=20)


def seen(at_s: float, committed: int) -> MonitorObservation:
    return MonitorObservation(at_s, {}, {PLACE: GroupProgress(committed, 1_000_000, 0)})


@given(gaps)
def test_a_worker_that_moves_whenever_its_watchdog_runs_has_not_stalled(between: list[float]) -> None:
    """After 95 s in which every process had been stopped, a worker ended itself and raised a page."""
    judge, now_s = StallJudge(stalled_after_s=AFTER_S), 0.0
    for n, gap in enumerate(between):
        beat_s, now_s = now_s, now_s + gap  # its last beat was before the sleep
        said = judge.stalled(now_s=now_s, beat_s=beat_s, moves={WHERE: n}, ends={WHERE: 2 * n + 1})
        assert said is None


@given(gaps)
def test_a_group_that_moves_whenever_the_monitor_runs_raises_nothing(between: list[float]) -> None:
    judge, now_s = AlertJudge(stalled_after_s=AFTER_S), 0.0
    for n, gap in enumerate(between):
        now_s += gap
        assert list(judge.judge(seen(now_s, n // 2))) == []  # it may take two looks for a step


@given(sleeps)
def test_a_loop_that_hangs_is_found_after_the_last_sleep(between: list[float]) -> None:
    judge, now_s = StallJudge(stalled_after_s=AFTER_S), 0.0
    for gap in between:
        now_s += gap
        judge.stalled(now_s=now_s, beat_s=0.0, moves={}, ends={})
    said = [
        judge.stalled(now_s=now_s + n * LOOK_S, beat_s=0.0, moves={}, ends={})
        for n in range(1, round(AFTER_S / LOOK_S) + 3)
    ]
    assert said[-1] == "loop"


@given(sleeps)
def test_a_group_that_stands_is_found_after_the_last_sleep_and_once(between: list[float]) -> None:
    judge, now_s, raised = AlertJudge(stalled_after_s=AFTER_S), 0.0, 0
    for gap in [*between, *[LOOK_S] * (round(AFTER_S / LOOK_S) + 2)]:
        now_s += gap
        raised += len(list(judge.judge(seen(now_s, 7))))
    assert raised == 1


@given(st.floats(31.0, 604_800.0))
def test_an_alert_is_not_over_because_nobody_looked(sleep_s: float) -> None:
    judge, now_s = AlertJudge(stalled_after_s=AFTER_S), 0.0
    for _ in range(20):
        now_s += LOOK_S
        list(judge.judge(seen(now_s, 7)))
    assert list(judge.judge(seen(now_s + LOOK_S, 8))) == []
    assert list(judge.judge(seen(now_s + LOOK_S + sleep_s, 9))) == []
    assert len(judge.raised) == 1
