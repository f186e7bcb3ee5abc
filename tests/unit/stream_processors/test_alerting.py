"""Judging: which alerts begin and which are over, drawn as timelines of what was seen."""

from collections.abc import Iterable

import pytest

from schemas.events import AlertRaised, Severity
from stream_processors.operators.alerting import (
    DEAD_LETTERS,
    DISK_SPACE,
    DISK_UNWRITABLE,
    LETTERS_SETTLED_S,
    STALLED_PARTITION,
    AlertJudge,
    DiskState,
    GroupPartition,
    GroupProgress,
    MonitorObservation,
)

PLACE = GroupPartition("driftline-market", "market.tick.v1", 3)
LOOK_S = 5.0
STALLED_S = 20.0


def made() -> AlertJudge:
    return AlertJudge(stalled_after_s=STALLED_S)


def depths(judge: AlertJudge, timeline: str) -> str:
    """A character per look: the number of open letters; back comes ! for raised, v for resolved."""
    looks = (MonitorObservation(i * LOOK_S, {"market": int(depth)}, {}) for i, depth in enumerate(timeline))
    return drawn(judge, looks)


def progress(judge: AlertJudge, timeline: str, *, start: int = 0) -> str:
    """A character per look: > moved on and more to read, = stands with more to read, . nothing to read."""
    committed, looks = 100, list[MonitorObservation]()
    for i, what in enumerate(timeline, start):
        committed += what == ">"
        seen = GroupProgress(committed, committed if what == "." else 1000, None if what == "." else 0)
        looks.append(MonitorObservation(i * LOOK_S, {}, {PLACE: seen}))
    return drawn(judge, looks)


def drawn(judge: AlertJudge, looks: Iterable[MonitorObservation]) -> str:
    found = []
    for look in looks:
        verdicts = list(judge.judge(look))
        assert len(verdicts) <= 1
        found.append("".join("v" if verdict.is_resolved else "!" for verdict in verdicts) or "-")
    return "".join(found)


def alert(name: str, subject: str, *, is_resolved: bool = False) -> AlertRaised:
    return AlertRaised(
        event_time_ms=0, known_time_ms=0, source="someone", stream="live", name=name, subject=subject,
        severity=Severity.PAGE, summary="", is_resolved=is_resolved,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ("0000000", "-------"),
        ("0111111", "-!-----"),  # once, while it lasts
        ("0159999", "-!-----"),  # more letters are the same alert
        ("0100000", "-!---v-"),  # over when there were none for 15 s
        ("0101010", "-!-----"),  # a replay that fails again is no end
        ("0100100000", "-!------v-"),
    ],
)
def test_letters_raise_at_once_and_end_when_there_are_none_for_a_while(seen: str, said: str) -> None:
    assert LETTERS_SETTLED_S == 3 * LOOK_S
    assert depths(made(), seen) == said


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (">>>>>>>>", "--------"),
        ("........", "--------"),
        ("=======.", "----!---"),  # 20 s
        (">===>===>===", "------------"),  # slow is not stalled
        (".====.", "------"),  # waits since the second look at the earliest
        (".=====.", "-----!-"),
        (">====>>>>>>", "----!----v-"),  # moved on for as long as it stood
        (">====.....", "----!----v"),
        (">====>====>====", "----!----------"),  # one step between two stalls is no end
        (">====>===>>>>>", "----!----v----"),
    ],
)
def test_group_that_stands_with_records_to_read_is_raised_and_ends_when_it_has_moved_on(
    seen: str, said: str
) -> None:
    assert progress(made(), seen) == said


def test_alert_says_who_what_and_what_to_do() -> None:
    judge = made()
    (stalled,) = (
        v
        for i in range(6)
        for v in judge.judge(MonitorObservation(i * LOOK_S, {}, {PLACE: GroupProgress(7, 9, 0)}))
    )
    (letters,) = judge.judge(MonitorObservation(30.0, {"market": 2}, {}))
    assert (stalled.name, stalled.severity, stalled.value) == (STALLED_PARTITION, Severity.PAGE, 2.0)
    assert stalled.subject == "driftline-market market.tick.v1/3"
    assert "offset 7" in stalled.summary
    assert (letters.name, letters.subject, letters.severity) == (DEAD_LETTERS, "market", Severity.WARNING)
    assert "driftline dead-letters list --consumer market" in letters.summary


def test_what_an_earlier_run_raised_is_not_raised_again_and_is_ended() -> None:
    judge = made()
    judge.remember(alert(DEAD_LETTERS, "market"))
    assert depths(judge, "1110000") == "------v"


def test_what_an_earlier_run_ended_is_raised_anew() -> None:
    judge = made()
    judge.remember(alert(DEAD_LETTERS, "market"))
    judge.remember(alert(DEAD_LETTERS, "market", is_resolved=True))
    assert depths(judge, "1") == "!"


def test_stall_that_a_restart_interrupts_is_not_ended_by_the_restart() -> None:
    """A judge that sees a group for the first time cannot know whether it moves: it says nothing."""
    judge = made()
    judge.remember(alert(STALLED_PARTITION, PLACE.subject()))
    assert progress(judge, "========") == "--------"
    assert progress(judge, ">>>>>>", start=8) == "----v-"


def test_stall_that_a_worker_raised_of_itself_is_ended_when_it_moves_on() -> None:
    judge = made()
    assert progress(judge, ">>>") == "---"
    judge.remember(alert(STALLED_PARTITION, PLACE.subject()))
    assert progress(judge, ">>>>>>", start=3) == "----v-"


def test_worker_that_stood_still_as_a_whole_is_well_when_its_group_moves_on_everywhere() -> None:
    judge = made()
    judge.remember(alert(STALLED_PARTITION, PLACE.group))
    assert progress(judge, "======") == "----!-"
    assert judge.raised == {(STALLED_PARTITION, PLACE.group), (STALLED_PARTITION, PLACE.subject())}
    ends = [
        v.subject
        for i in range(6, 11)
        for v in judge.judge(MonitorObservation(i * LOOK_S, {}, {PLACE: GroupProgress(i, 99, 0)}))
    ]
    assert ends == [PLACE.subject(), PLACE.group]


def test_marks_of_transactions_are_no_lag() -> None:
    assert GroupProgress(committed=10, end=11, waiting_since_ms=None).n_messages == 0
    assert GroupProgress(committed=10, end=13, waiting_since_ms=5).n_messages == 3


def disks(timeline: str) -> str:
    """A character per look: . room, l little left, f full, r read-only; back come D or U raised, d or u over."""
    judge, found = made(), []
    free = {".": 5_000, "l": 500, "f": 0, "r": 5_000}
    trouble = {"f": "No space left on device", "r": "Read-only file system"}
    letters = {DISK_SPACE: "d", DISK_UNWRITABLE: "u"}
    for i, what in enumerate(timeline):
        disk = DiskState("/data", free[what], 1_000, trouble.get(what, ""))
        said = judge.judge_disk(disk, at_s=i * LOOK_S)
        found.append(
            "".join(letters[v.name] if v.is_resolved else letters[v.name].upper() for v in said) or "-"
        )
    return " ".join(found)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ("......", "- - - - - -"),
        (".lll...", "- D - - - - d"),
        (".lfff...", "- D U - - - - du"),  # it warns before it is full
        (".rrr...", "- U - - - - u"),
        (".f.f.f...", "- DU - - - - - - du"),  # room for a moment is no end
    ],
)
def test_a_disk_is_warned_of_when_it_fills_and_paged_when_it_cannot_be_written(seen: str, said: str) -> None:
    assert disks(seen) == said
