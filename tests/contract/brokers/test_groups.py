"""Consumer groups on every broker: shares, offsets, rebalances, static members."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from schemas.errors import ProducerFencedError
from schemas.topics import Topic
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Reader
from tests.contract.brokers.brokers import (
    Broker,
    Consumer,
    Lack,
    closing,
    eventually,
    fresh,
    on_a_cluster_too,
    shared_out,
)

EAGER, COOPERATIVE = "range", "cooperative-sticky"


def seconds_of(act: Callable[[], bool]) -> float:
    began_s = SystemClock().monotonic_s()
    assert act()
    return SystemClock().monotonic_s() - began_s


def static_member(broker: Broker, group: str, topic: Topic, name: str) -> Consumer:
    return Consumer(broker, group, topic, group_instance_id=name, session_timeout_ms=6000)


@on_a_cluster_too
def test_reader_goes_on_behind_what_it_committed(broker: Broker, topic: Topic) -> None:
    broker.publish(topic, [b"%d" % i for i in range(10)])
    group = fresh("group")

    def read_all(n: int) -> list[int]:
        reader = Reader(broker.endpoint, group=group, topics=[topic], is_fixed=True)
        reader.open()
        found: list[int] = []
        while len(found) < n:
            found += [record.offset for record in reader.poll(max_records=3, timeout_s=0.2)]
        reader.commit({(topic.name, 0): 6})
        assert reader.committed([(topic.name, 0), (topic.name, 1)]) == {(topic.name, 0): 6}
        reader.close()
        return found

    assert read_all(10) == list(range(10))
    assert read_all(4) == list(range(6, 10))


def test_reader_that_idles_reads_on_where_it_was(broker: Broker, topic: Topic) -> None:
    """A sink waits for its store, and must keep its place and lose no record meanwhile."""
    broker.publish(topic, [b"%d" % i for i in range(10)])
    reader = Reader(
        broker.endpoint, group=fresh("group"), topics=[topic], is_fixed=broker.endpoint.is_embedded
    )
    reader.open()
    found: list[int] = []
    while len(found) < 10:
        found += [record.offset for record in reader.poll(max_records=3, timeout_s=0.2)]
        reader.idle(0.1)
    reader.close()
    assert found == list(range(10))


def test_committed_offsets_are_told_of_a_group_that_is_not_there_now(broker: Broker, topic: Topic) -> None:
    group, both = fresh("group"), [(topic.name, 0), (topic.name, 1)]
    reader = Reader(broker.endpoint, group=group, topics=[topic], is_fixed=True)
    reader.commit({(topic.name, 1): 42})
    reader.close()
    administration = Administration(broker.endpoint)
    assert administration.committed(group, both) == {(topic.name, 1): 42}
    assert administration.committed(fresh("unknown"), both) == {}
    assert administration.committed(group, []) == {}


def test_group_shares_all_partitions_out_and_hands_every_record_to_one(broker: Broker, topic: Topic) -> None:
    group = fresh("group")
    sent = [b"%d-%d" % (partition, i) for partition in range(4) for i in range(10)]
    for partition in range(4):
        broker.publish(topic, sent[partition * 10 : partition * 10 + 10], partition=partition)
    first, second = (Consumer(broker, group, topic, partition_assignment_strategy=EAGER) for _ in range(2))
    with closing(first, second):
        shared_out(first, second)
        assert len(first.share) == len(second.share) == 2

        def has_all() -> bool:
            first.poll()
            second.poll()
            return set(first.seen + second.seen) == set(sent)

        assert eventually(has_all, within_s=60)


def test_lone_member_has_its_share_quickly(broker: Broker, topic: Topic) -> None:
    warm = Consumer(broker, fresh("warm"), topic)  # a broker's very first group makes the topic of offsets
    with closing(warm):
        assert shared_out(warm)

    def took_s() -> float:
        consumer = Consumer(broker, fresh("group"), topic, session_timeout_ms=6000)
        with closing(consumer):
            return seconds_of(lambda: shared_out(consumer))

    if broker.lacks(Lack.QUICK_JOINS):
        assert took_s() > 2.5
    else:  # on a busy machine now and then
        assert eventually(lambda: took_s() < 2.5, within_s=60)


def test_eager_rebalance_takes_everything_away_and_shares_it_out_anew(broker: Broker, topic: Topic) -> None:
    group = fresh("group")
    first = Consumer(broker, group, topic, partition_assignment_strategy=EAGER)
    with closing(first):
        assert shared_out(first)
        second = Consumer(broker, group, topic, partition_assignment_strategy=EAGER)
        with closing(second):
            assert shared_out(first, second)
        assert shared_out(first)
        assert first.moves[:2] == [("+", [0, 1, 2, 3]), ("-", [0, 1, 2, 3])]
        assert first.moves[-1] == ("+", [0, 1, 2, 3])


@on_a_cluster_too
def test_cooperative_rebalance_takes_only_what_moves(broker: Broker, topic: Topic) -> None:
    group = fresh("group")
    first = Consumer(broker, group, topic, partition_assignment_strategy=COOPERATIVE)
    with closing(first):
        assert shared_out(first)
        second = Consumer(broker, group, topic, partition_assignment_strategy=COOPERATIVE)
        with closing(second):
            assert shared_out(first, second, within_s=60)
            moved = second.share
        assert shared_out(first)
        taken = [partitions for kind, partitions in first.moves if kind == "-"]
    assert taken == [sorted(moved)]
    assert len(moved) == 2


def test_share_of_a_member_that_dies_goes_to_the_others(broker: Broker, topic: Topic) -> None:
    """It is not polled any more, as if it hung: the broker notices by what it is no longer told."""
    group = fresh("group")
    longest_ms = 2000 if broker.lacks(Lack.QUICK_JOINS) else 6000
    first, dying = (Consumer(broker, group, topic, max_poll_interval_ms=longest_ms) for _ in range(2))
    with closing(first, dying):
        assert shared_out(first, dying)
        assert eventually(lambda: (first.poll(), first.share)[1] == {0, 1, 2, 3}, within_s=60)


def test_static_member_that_comes_back_finds_its_share_and_disturbs_nobody(
    broker: Broker, topic: Topic
) -> None:
    if broker.lacks(Lack.STATIC_MEMBERS):  # which shares it gives out anew, and how soon, is its own affair
        assert eventually(lambda: comes_back(broker, topic).is_disturbed, within_s=60)
    else:
        assert comes_back(broker, topic) == ComingBack(found_its_share=True, is_disturbed=False)


class ComingBack(NamedTuple):
    """What a static member that came back found, and whether the one that stayed had to give something up."""

    found_its_share: bool
    is_disturbed: bool


def comes_back(broker: Broker, topic: Topic) -> ComingBack:
    group = fresh("group")
    staying, going = (static_member(broker, group, topic, name) for name in ("one", "two"))
    with closing(staying):
        assert shared_out(staying, going)
        share, n_moves = going.share, len(staying.moves)
        going.close()
        back = static_member(broker, group, topic, "two")
        with closing(back):
            assert shared_out(staying, back)
            return ComingBack(back.share == share, len(staying.moves) > n_moves)


def test_older_of_two_static_members_of_one_name_is_fenced(broker: Broker, topic: Topic) -> None:
    if broker.lacks(Lack.STATIC_MEMBERS):
        pytest.skip(f"{Lack.STATIC_MEMBERS}: see the test above")
    group = fresh("group")
    older = static_member(broker, group, topic, "one")
    assert shared_out(older)
    newer = static_member(broker, group, topic, "one")
    with closing(newer, older):
        assert eventually(lambda: (newer.poll(), newer.share)[1] == {0, 1, 2, 3}, within_s=60)
        assert eventually(lambda: (older.poll(), older.errors)[1] != [], within_s=60)
    assert isinstance(older.errors[0], ProducerFencedError)
