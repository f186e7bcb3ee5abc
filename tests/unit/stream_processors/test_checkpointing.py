"""Checkpoints as records: what counts on a broker that shows what was never committed, and what does not."""

from collections.abc import Iterable

import msgspec
import pytest

from schemas.wire.kafka import Positions, Record
from stream_processors.operators.keys import key_of
from stream_processors.operators.protocols import StateChange
from stream_processors.runtime import checkpointing
from stream_processors.runtime.checkpointing import (
    ChangelogState,
    Checkpoint,
    CheckpointHead,
    records_of,
    state_by_descent,
    state_by_key,
)

TOPIC, INPUT = "changelog.market.v1", "market.tick.v1"
A, B, C = (key_of("open", "live", name) for name in "ABC")
COMMITTED: Positions = {(INPUT, 0): 1_000}


def checkpoint(name: str, before: str | None, at: int, **changes: bytes | None) -> Checkpoint:
    keys = {"a": A, "b": B, "c": C}
    return Checkpoint(
        CheckpointHead(checkpoint=name, before=before, offsets={INPUT: at}),
        [StateChange(keys[key], value) for key, value in changes.items()],
    )


def written(*checkpoints: Checkpoint, is_embedded: bool) -> list[Record]:
    pairs = [pair for each in checkpoints for pair in records_of(each, is_embedded=is_embedded)]
    return [Record(TOPIC, 0, offset, key, value, ()) for offset, (key, value) in enumerate(pairs)]


def descended(*checkpoints: Checkpoint, committed: Positions = COMMITTED) -> ChangelogState:
    return state_by_descent(written(*checkpoints, is_embedded=True), committed)


FIRST = checkpoint("1", None, 10, a=b"a1", b=b"b1")


@pytest.mark.parametrize("is_embedded", [False, True])
def test_state_is_the_newest_value_of_every_key(*, is_embedded: bool) -> None:
    records = written(
        FIRST,
        checkpoint("2", "1", 20, a=b"a2", c=b"c2"),
        checkpoint("3", "2", 30, b=None),
        is_embedded=is_embedded,
    )
    found = (state_by_descent if is_embedded else state_by_key)(records, COMMITTED)
    assert found.entries == {A: b"a2", C: b"c2"}
    assert found.head is not None
    assert found.head.offsets == {INPUT: 30}


@pytest.mark.parametrize("is_embedded", [False, True])
def test_head_ahead_of_what_was_committed_is_not_believed(*, is_embedded: bool) -> None:
    found = (state_by_descent if is_embedded else state_by_key)(
        written(FIRST, is_embedded=is_embedded), {(INPUT, 0): 9}
    )
    assert found.head is None


@pytest.mark.parametrize("is_embedded", [False, True])
def test_changelog_of_another_release_has_no_state(*, is_embedded: bool) -> None:
    old = Record(TOPIC, 0, 0, b"0", msgspec.msgpack.encode({"offsets": {INPUT: 1}, "state": b"x"}), ())
    other = Record(TOPIC, 0, 1, b"head", b"\xc1", ())
    found = (state_by_descent if is_embedded else state_by_key)([old, other], COMMITTED)
    assert found.head is None


def test_what_an_aborted_transaction_left_is_passed_over_once_another_follows_the_same() -> None:
    """::

    1 <-- 2 <-- 4
    ^---- 3x
    """
    found = descended(
        FIRST,
        checkpoint("2", "1", 20, a=b"a2"),
        checkpoint("3", "1", 25, a=b"a3", b=b"b3"),
        checkpoint("4", "2", 40, c=b"c4"),
    )
    assert found.entries == {A: b"a2", B: b"b1", C: b"c4"}


def test_what_an_aborted_transaction_left_at_the_end_is_ahead_of_the_committed_offsets() -> None:
    found = descended(FIRST, checkpoint("2", "1", 2_000, a=b"a2"))
    assert found.entries == {A: b"a1", B: b"b1"}


def test_second_incarnation_goes_on_from_what_it_restored_and_not_from_what_the_first_left() -> None:
    """The first died in its transaction 2; the second restored 1, and the third restored what it made."""
    left = checkpoint("2", "1", 20, a=b"a2")
    second = checkpoint("3", "1", 15, b=b"b3")
    third = checkpoint("4", "3", 30, c=b"c4")
    assert descended(FIRST, left, second).entries == {A: b"a1", B: b"b3"}
    assert descended(FIRST, left, second, third).entries == {A: b"a1", B: b"b3", C: b"c4"}


def test_state_that_began_anew_holds_nothing_of_the_one_before() -> None:
    found = descended(FIRST, checkpoint("2", None, 20, c=b"c2"))
    assert found.entries == {C: b"c2"}


def test_large_checkpoint_is_split_and_believed_only_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that died while it wrote one leaves some of its records."""
    monkeypatch.setattr(checkpointing, "PART_BYTES", 50)
    large = checkpoint("2", "1", 20, a=b"a" * 40, b=b"b" * 40, c=b"c" * 40)
    records = written(FIRST, large, is_embedded=True)
    assert len(records) == 4
    assert state_by_descent(records, COMMITTED).entries == {A: b"a" * 40, B: b"b" * 40, C: b"c" * 40}
    n_first = len(written(FIRST, is_embedded=True))
    for gone in range(n_first, len(records)):
        left = [record for record in records if record.offset != gone]
        assert state_by_descent(left, COMMITTED).entries == {A: b"a1", B: b"b1"}, gone


def test_checkpoint_that_is_written_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that was aborted is made again from the same outcome."""
    monkeypatch.setattr(checkpointing, "PART_BYTES", 50)
    again = checkpoint("2", "1", 20, a=b"a" * 40, b=b"b" * 40)
    assert descended(FIRST, again, again).entries == {A: b"a" * 40, B: b"b" * 40}


def test_checkpoint_whose_predecessor_is_missing_is_not_believed() -> None:
    found = descended(FIRST, checkpoint("3", "2", 30, a=b"a3"))
    assert found.entries == {A: b"a1", B: b"b1"}


def test_heads_that_name_each_other_have_no_beginning() -> None:
    found = descended(checkpoint("1", "2", 10, a=b"a1"), checkpoint("2", "1", 20, a=b"a2"))
    assert found == ChangelogState(None, {})


def test_no_key_of_a_state_can_be_that_of_a_head() -> None:
    names: Iterable[str] = ("head", "part", "offsets alone")
    assert not {key_of(name, "") for name in names} & {checkpointing.HEAD, checkpointing.PART}
