"""Joins that wait for long: when an alert begins, and when it is over."""

from stream_processors.operators.protocols import JoinWait
from stream_processors.runtime.waits import WaitJudge

WAIT = JoinWait(stream="live", target="A", companion="B", n_rows=3, first_ms=60_000, last_ms=180_000)
SUBJECT = "A waits for B"


def test_row_that_waits_for_long_raises_one_alert_that_names_both() -> None:
    judge = WaitJudge(long_s=60)
    assert judge.judge([WAIT], now_s=0) == []
    assert judge.judge([WAIT], now_s=59) == []
    (verdict,) = judge.judge([WAIT], now_s=60)
    assert (verdict.stream, verdict.subject, verdict.is_resolved) == ("live", SUBJECT, False)
    assert "3 rows of A over 2 minutes" in verdict.summary
    assert judge.judge([WAIT], now_s=90) == []


def test_join_that_goes_on_raises_none_and_ends_the_one_that_was_raised() -> None:
    judge = WaitJudge(long_s=60)
    for now_s in range(0, 300, 30):
        assert judge.judge([WAIT._replace(first_ms=now_s)], now_s=now_s) == []
    judge.judge([WAIT], now_s=300)
    judge.judge([WAIT], now_s=400)
    (over,) = judge.judge([WAIT._replace(first_ms=120_000)], now_s=401)
    assert (over.subject, over.is_resolved) == (SUBJECT, True)


def test_alert_of_an_earlier_worker_ends_when_nothing_waits_and_is_not_raised_again_while_it_does() -> None:
    judge = WaitJudge(long_s=60)
    judge.remember("live", SUBJECT, is_resolved=False)
    assert judge.judge([WAIT], now_s=0) == []
    assert judge.judge([WAIT], now_s=10) == []
    assert judge.judge([WAIT], now_s=61) == []
    (over,) = judge.judge([], now_s=62)
    assert (over.subject, over.is_resolved) == (SUBJECT, True)
