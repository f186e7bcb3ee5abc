"""Runs of messages: nothing but messages of one partition, one behind the other, is in them."""

import confluent_kafka as ck
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import PlatformError
from schemas.wire.runs import taken_apart

END = ck.KafkaError._PARTITION_EOF


def message(offset, *, partition=0, code=None):
    """The library's own message, or an event of it."""
    error = None if code is None else ck.KafkaError(code)
    value = b"end of partition" if code is not None else b"%d" % offset
    return ck.Message(topic="t", partition=partition, offset=offset, value=value, error=error)


def offsets_of(taken):
    return [[each.offset() for each in run.messages] for run in taken.runs]


def test_an_end_that_has_the_offset_of_a_marker_is_no_message():
    """It became a dead letter once: a leap passed over it, since the offsets behind it fitted.

    ::

        log     1 2 3 4 [marker] 6 7 8 9
        polled  1 2 3 4 END      6 7 8 9       END states 6, and 6 stands five places behind 1
    """
    polled = [message(n) for n in (1, 2, 3, 4)] + [message(6, code=END)] + [message(n) for n in (6, 7, 8, 9)]
    taken = taken_apart(polled)
    assert offsets_of(taken) == [[1, 2, 3, 4], [6, 7, 8, 9]]
    assert taken.ends == [("t", 0)]


def test_a_message_of_another_partition_that_stands_in_a_markers_place_is_not_passed_over():
    """It was stepped in the wrong partition, and never in its own: lost without a word, on Apache Kafka.

    ::

        partition 0   0 1 [marker] 3        polled   0 1 (0 of partition 1) 3
    """
    polled = [message(0), message(1), message(0, partition=1), message(3)]
    taken = taken_apart(polled)
    assert [run.partition for run in taken.runs] == [0, 1, 0]
    assert offsets_of(taken) == [[0, 1], [0], [3]]


@given(
    st.lists(st.sampled_from(["record", "marker", "end", "other", "other end"]), max_size=40),
    st.integers(0, 3),
)
def test_every_message_is_taken_once_and_every_end_told(steps, first):
    """Whatever a poll brings of two partitions with transactions between."""
    polled, next_offset = [], {0: first, 1: 0}
    for step in steps:
        partition = int(step.startswith("other"))
        if step == "marker":
            next_offset[0] += 1
        elif "end" in step:
            polled.append(message(next_offset[partition], partition=partition, code=END))
        else:
            polled.append(message(next_offset[partition], partition=partition))
            next_offset[partition] += 1
    taken = taken_apart(polled)
    found = [each for run in taken.runs for each in run.messages]
    assert found == [each for each in polled if each.error() is None]
    assert taken.ends == [("t", each.partition()) for each in polled if each.error() is not None]
    for run in taken.runs:
        assert {each.partition() for each in run.messages} == {run.partition}
        assert run.next_offset - run.first_offset == len(run.messages)


def test_any_other_event_is_raised():
    polled = [message(1), message(2, code=ck.KafkaError._ALL_BROKERS_DOWN)]
    with pytest.raises(PlatformError):
        taken_apart(polled)
