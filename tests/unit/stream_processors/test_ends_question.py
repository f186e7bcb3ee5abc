"""Asking a slow broker for the ends of partitions: no look waits for it, and a late answer counts for nothing."""

import threading
import time
from collections.abc import Collection

import pytest

from schemas.errors import BrokerUnavailableError
from schemas.wire.kafka import Positions
from stream_processors.runtime.watching import EndsQuestion

PLACE = ("market.tick.v1", 3)
LONG_S = 60.0


class SlowBroker:
    """Answers once it is released, with the number of the question as the end."""

    def __init__(self) -> None:
        self.n_asked = 0
        self.released = threading.Event()

    def ends(self, places: Collection[tuple[str, int]]) -> Positions:
        self.n_asked += 1
        number = self.n_asked
        assert self.released.wait(LONG_S)
        return dict.fromkeys(places, number)


def test_an_answer_in_time_is_returned() -> None:
    broker = SlowBroker()
    broker.released.set()
    assert EndsQuestion(broker.ends).answer([PLACE], timeout_s=LONG_S) == {PLACE: 1}


def test_a_slow_answer_delays_no_look_and_is_given_to_none() -> None:
    broker = SlowBroker()
    question = EndsQuestion(broker.ends)
    assert [question.answer([PLACE], timeout_s=0.01) for _ in range(3)] == [{}] * 3
    assert broker.n_asked == 1
    broker.released.set()
    ends_s = time.monotonic() + LONG_S
    while not (found := question.answer([PLACE], timeout_s=LONG_S)):
        assert time.monotonic() < ends_s
    assert found == {PLACE: 2}


def test_a_broker_that_is_away_gives_no_ends() -> None:
    def away(_places: Collection[tuple[str, int]]) -> Positions:
        message = "Kafka: away"
        raise BrokerUnavailableError(message)

    assert EndsQuestion(away).answer([PLACE], timeout_s=LONG_S) == {}


def test_a_mistake_is_raised_where_it_was_asked() -> None:
    def wrong(_places: Collection[tuple[str, int]]) -> Positions:
        message = "a mistake"
        raise ValueError(message)

    with pytest.raises(ValueError, match="a mistake"):
        EndsQuestion(wrong).answer([PLACE], timeout_s=LONG_S)
