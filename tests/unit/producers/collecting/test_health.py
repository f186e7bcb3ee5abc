"""The health of a source, judged from its answers; and the alert about it."""

import pytest

from producers.jobs.collecting.alerts import ROUNDS_BEFORE_ALERT, SourceAlerts, alert_of
from producers.normalise.health import HealthJudge, UsualInterval
from schemas.events import Severity, SourceHealth, SourceHealthChanged

HOUR_MS = 3_600_000
NOW_MS = 1_750_000_000_000


def judge(usual_ms: int | None = HOUR_MS, before: SourceHealthChanged | None = None) -> HealthJudge:
    return HealthJudge("coindesk", "live", usual=UsualInterval(usual_ms), before=before)


def test_an_answer_with_something_new_is_healthy():
    said = judge().on_answer(NOW_MS, newest_ms=NOW_MS - HOUR_MS)
    assert said is not None
    assert (said.state, said.source, said.stream) == (SourceHealth.HEALTHY, "coindesk", "live")
    assert (said.event_time_ms, said.last_item_ms, said.last_answer_ms) == (NOW_MS, NOW_MS - HOUR_MS, NOW_MS)


def test_answers_without_anything_new_become_quiet_after_five_usual_intervals():
    """It answers for hours and has nothing new: the finding that most collectors do not make."""
    judged = judge()
    judged.on_answer(NOW_MS, newest_ms=NOW_MS)
    states = []
    for hour in range(1, 8):
        judged.on_answer(NOW_MS + hour * HOUR_MS, newest_ms=NOW_MS)
        states.append(judged.state)
    assert states == [SourceHealth.HEALTHY] * 5 + [SourceHealth.QUIET] * 2
    said = judged.on_answer(NOW_MS + 8 * HOUR_MS, newest_ms=NOW_MS + 8 * HOUR_MS)
    assert said is not None
    assert said.state is SourceHealth.HEALTHY


def test_a_source_that_never_showed_an_item_is_quiet():
    said = judge().on_answer(NOW_MS, newest_ms=None)
    assert said is not None
    assert said.state is SourceHealth.QUIET


def test_the_usual_interval_is_learned_from_the_times_of_items():
    usual = UsualInterval(None)
    assert usual.ms is None
    by_day = [hour * HOUR_MS for hour in range(20)]
    usual.add([*by_day, 19 * HOUR_MS + 10 * HOUR_MS])  # one night
    assert usual.ms == HOUR_MS


def test_bursts_do_not_make_the_usual_interval_nothing():
    usual = UsualInterval(None)
    usual.add(range(0, 100_000, 1_000))
    assert usual.ms == 60_000


def test_without_a_usual_interval_nothing_is_quiet():
    judged = judge(None)
    judged.on_answer(NOW_MS, newest_ms=NOW_MS - 1000 * HOUR_MS)
    assert judged.state is SourceHealth.HEALTHY


def test_the_same_state_is_said_again_after_a_minute_with_the_newest_times():
    judged = judge()
    assert judged.on_answer(NOW_MS, newest_ms=NOW_MS) is not None
    assert judged.on_answer(NOW_MS + 59_000, newest_ms=NOW_MS) is None
    again = judged.on_answer(NOW_MS + 60_000, newest_ms=NOW_MS + 30_000)
    assert again is not None
    assert (again.last_item_ms, again.last_answer_ms) == (NOW_MS + 30_000, NOW_MS + 60_000)


def test_an_older_newest_item_does_not_turn_time_back():
    judged = judge()
    judged.on_answer(NOW_MS, newest_ms=NOW_MS)
    said = judged.on_answer(NOW_MS + HOUR_MS, newest_ms=NOW_MS - 100 * HOUR_MS)
    assert said is not None
    assert said.last_item_ms == NOW_MS


def test_a_failure_keeps_the_times_and_a_restart_goes_on():
    judged = judge()
    judged.on_answer(NOW_MS, newest_ms=NOW_MS - 5)
    said = judged.on_failure(NOW_MS + 1000, SourceHealth.REFUSED, "a.example.com answered 451")
    assert said is not None
    assert (said.state, said.last_item_ms, said.last_answer_ms) == (SourceHealth.REFUSED, NOW_MS - 5, NOW_MS)
    again = judge(before=said)
    assert again.state is SourceHealth.REFUSED
    assert again.on_failure(NOW_MS + 2000, SourceHealth.REFUSED, "a.example.com answered 451") is None


def changed(state: SourceHealth) -> SourceHealthChanged:
    return SourceHealthChanged(
        event_time_ms=NOW_MS,
        known_time_ms=NOW_MS,
        source="coindesk",
        stream="live",
        state=state,
        reason="so it is",
    )


def alerts_of(*states: SourceHealth, before: SourceHealth | None = None) -> list[str]:
    """What is published of a timeline of rounds, each of which says its state."""
    alerts = SourceAlerts(None if before is None else changed(before))
    found = []
    for state in states:
        alarming = alerts.on_round(changed(state), state)
        if alarming is None:
            found.append("-")
        else:
            found.append("over" if alert_of(alarming).is_resolved else str(alarming.state))
    return found


H, Q, R, F, L = (
    SourceHealth.HEALTHY,
    SourceHealth.QUIET,
    SourceHealth.REFUSED,
    SourceHealth.FAILING,
    SourceHealth.LIMITED,
)


@pytest.mark.parametrize(
    ("states", "before", "published"),
    [
        ([H, H], None, ["-", "-"]),
        ([H, Q, Q, H], None, ["-", "quiet", "-", "over"]),
        ([R, R, H], None, ["refused", "-", "over"]),
        ([F, F, H], None, ["-", "-", "-"]),
        ([F, F, F, F, H], None, ["-", "-", "failing", "-", "over"]),
        ([L, F, L], None, ["-", "-", "limited"]),
        ([R, Q], None, ["refused", "quiet"]),
        ([Q, H], Q, ["-", "over"]),
        ([H], F, ["over"]),
        ([F, F, H], F, ["failing", "-", "over"]),
    ],
)
def test_alerts_follow_the_timeline(
    states: list[SourceHealth], before: SourceHealth | None, published: list[str]
):
    assert alerts_of(*states, before=before) == published


def test_three_rounds_are_what_the_timelines_above_assume():
    assert ROUNDS_BEFORE_ALERT == 3


def test_a_refusal_calls_nobody():
    assert alert_of(changed(R)).severity is Severity.INFORMATION
    assert alert_of(changed(Q)).severity is Severity.WARNING
    assert alert_of(changed(Q)).subject == "coindesk"
