"""When a worker counts as stalled, drawn as timelines of looks at it, one a second, five seconds being too long.

Each line shows, look by look, how often the partition has moved, where its log ends, and since how
many seconds the loop has not come round; the verdict is that of the last look.
"""

import pytest

from schemas.wire.clocks import ManualClock
from stream_processors.runtime.liveness import LivenessSignals
from stream_processors.runtime.stalls import StallJudge

PLACE = ("market.tick.v1", 3)
OTHER = ("market.tick.v1", 1)
AFTER_S = 5.0


def verdict(moves: str, ends: str, beats: str | None = None) -> object:
    """What the judge says at the last look; a blank end could not be asked for."""
    judge = StallJudge(stalled_after_s=AFTER_S)
    said: object = None
    for now_s, (n_moves, end, silent_s) in enumerate(
        zip(moves, ends, beats or "0" * len(moves), strict=True)
    ):
        said = judge.stalled(
            now_s=float(now_s),
            beat_s=float(now_s - int(silent_s)),
            moves={PLACE: int(n_moves)},
            ends={} if end == " " else {PLACE: int(end)},
        )
    return said


@pytest.mark.parametrize(
    ("moves", "ends", "expected"),
    [
        #   look:  0123456789
        ("1234567890", "1234567890", None),  # moves with the log
        ("1111111111", "5555555555", None),  # nothing to read
        ("1111111", "5666666", PLACE),  # something to read, from the first look on, and no move
        ("111111", "566666", None),  # not for long enough yet
        ("1111111111", "5555555666", None),  # something to read, for not long enough
        ("11111111111112", "55555566666666", None),  # moved in the last moment
        ("111112222222", "566666777777", PLACE),  # moved once, and then no more
        ("1111111", "5     6", PLACE),  # the end was unknown for a while
        ("1111111", "       ", None),  # the end was never known
    ],
)
def test_a_partition_is_stalled_when_it_has_more_to_read_and_does_not_move(
    moves: str, ends: str, expected: object
) -> None:
    assert verdict(moves, ends) == expected


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ("0000000000", None),  # comes round at every look
        ("0123450120", None),  # takes its time, but not too long
        ("0123456", "loop"),  # has not come round for too long
    ],
)
def test_a_loop_is_stalled_when_it_does_not_come_round(beats: str, expected: object) -> None:
    n = len(beats)
    assert verdict("1" * n, "5" * n, beats) == expected


@pytest.mark.parametrize(
    ("moves", "ends", "beats", "expected"),
    [
        ("1111111", "5666666", "0012345", None),  # the partition's time is up; the loop's is, a look later
        ("11111111", "56666666", "00123456", "loop"),
        ("1111111", "5666666", "0123012", PLACE),  # a loop that is slow, but comes round
    ],
)
def test_a_loop_that_stopped_is_named_and_not_a_partition_that_waits_for_it(
    moves: str, ends: str, beats: str, expected: object
) -> None:
    """The alert of a step that hung named a partition, if a look came just between the two times.

    On a busy machine that was three of four, and who looked for the worker's alert found none.
    """
    assert verdict(moves, ends, beats) == expected


def test_a_partition_that_moves_does_not_hide_one_that_does_not() -> None:
    judge = StallJudge(stalled_after_s=AFTER_S)
    said = None
    for now_s in range(8):
        moves, ends = {PLACE: 1, OTHER: now_s}, {PLACE: 5 + min(now_s, 1), OTHER: now_s}
        said = judge.stalled(now_s=float(now_s), beat_s=float(now_s), moves=moves, ends=ends)
    assert said == PLACE


def test_restoring_state_counts_as_coming_round() -> None:
    clock = ManualClock()
    liveness = LivenessSignals(clock)
    with liveness.recovering():
        clock.sleep(100.0)
        assert liveness.beat_s == clock.monotonic_s()
    clock.sleep(3.0)
    assert clock.monotonic_s() - liveness.beat_s == pytest.approx(3.0)


def test_a_partition_that_was_given_up_is_expected_to_move_no_more() -> None:
    liveness = LivenessSignals(ManualClock())
    liveness.watch([PLACE, OTHER])
    liveness.moved(PLACE)
    liveness.forget([3])
    assert liveness.moves() == {OTHER: 1}


def test_partitions_that_are_kept_while_others_are_restored_are_not_stalled() -> None:
    """A worker that took partitions over was ended one second later, for those that it had kept all along."""
    clock = ManualClock()
    liveness, judge = LivenessSignals(clock), StallJudge(stalled_after_s=AFTER_S)
    liveness.watch([PLACE])

    def look(end: int) -> object:
        clock.sleep(1.0)
        return judge.stalled(
            now_s=clock.monotonic_s(), beat_s=liveness.beat_s, moves=liveness.moves(), ends={PLACE: end}
        )

    assert look(5) is None
    with liveness.recovering():
        verdicts = [look(6) for _ in range(20)]
    assert [*verdicts, look(7), look(7)] == [None] * 22


def test_partitions_are_not_stalled_while_the_worker_is_at_what_it_has_already() -> None:
    """40,000 candles take a dozen commits, in which nothing is taken: a slow machine's worker ended itself."""
    liveness, judge = LivenessSignals(ManualClock()), StallJudge(stalled_after_s=AFTER_S)
    liveness.watch([PLACE, OTHER])

    def look(now_s: int) -> object:
        moves = liveness.moves()
        return judge.stalled(now_s=now_s, beat_s=now_s, moves=moves, ends={PLACE: now_s, OTHER: now_s})

    verdicts = []
    for now_s in range(20):
        verdicts.append(look(now_s))
        liveness.count_all_as_moved()
    assert verdicts == [None] * 20
    assert PLACE in [look(now_s) for now_s in range(20, 30)]
