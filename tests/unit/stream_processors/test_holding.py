"""Inputs that an operator holds, batches that are left off, runs that are forgotten: by the test driver."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.events import Event, WatermarkAdvanced
from schemas.topics import MARKET_BAR, MARKET_CANDLE, MARKET_TICK, Topic
from stream_processors.operators import protocols
from stream_processors.operators.keys import key_of
from stream_processors.operators.protocols import Output, StateChange
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.runtime.tasks import FORGET_AFTER_MS
from tests.fixtures.market_events import STREAM, T0, watermark

PARTITION = 2


class FollowingOperator:
    """Says each input again, and the ticks only up to how far the candles are."""

    def __init__(self) -> None:
        self.seen: dict[str, list[int]] = {MARKET_CANDLE.name: [-1], MARKET_TICK.name: [-1]}
        self._stream = STREAM

    @property
    def holds(self) -> Collection[str]:
        candles, ticks = self.seen[MARKET_CANDLE.name], self.seen[MARKET_TICK.name]
        return (MARKET_TICK.name,) if ticks[-1] >= candles[-1] else ()

    def step(self, topic: Topic, event: Any) -> Iterator[Output]:
        at = event.event_time_ms - T0
        assert topic.name not in self.holds
        if at > self.seen[topic.name][-1]:
            self.seen[topic.name].append(at)
            self._stream = event.stream
            yield Output(MARKET_BAR, event, None)

    def changes(self) -> Iterator[StateChange]:
        yield StateChange(key_of("seen", self._stream), msgspec.msgpack.encode(self.seen))

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        for value in entries.values():
            self.seen = msgspec.msgpack.decode(value)

    def forget(self, stream: str) -> None:
        raise NotImplementedError

    def newest(self) -> Iterable[Event]:
        return ()


def driver() -> TopologyDriver:
    return TopologyDriver(
        Job(name="market", inputs=(MARKET_TICK, MARKET_CANDLE), make_operator=lambda _: FollowingOperator())
    )


def send(held: TopologyDriver, topic: Topic, *times: int) -> None:
    for at in times:
        held.send(topic, watermark(at), key="", partition=PARTITION)


def said(held: TopologyDriver) -> list[int]:
    return [codec.decode(MARKET_BAR, value).event_time_ms - T0 for value in held.values(MARKET_BAR)]


def test_held_input_is_not_read_on_until_the_other_one_ends_the_hold() -> None:
    held = driver()
    send(held, MARKET_TICK, 1, 2, 3)
    held.run()
    assert said(held) == []
    assert held.log.committed == {}
    send(held, MARKET_CANDLE, 2)
    held.run()
    assert said(held) == [2, 1, 2]
    assert held.log.committed == {(MARKET_CANDLE.name, PARTITION): 1, (MARKET_TICK.name, PARTITION): 2}
    send(held, MARKET_CANDLE, 9)
    held.run()
    assert said(held) == [2, 1, 2, 9, 3]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_crashes_and_batches_anywhere_leave_the_same_of_held_inputs(data: st.DataObject) -> None:
    """Silent re-stepping obeys the holds too: the operator itself checks that it does."""
    held = driver()
    for at in range(1, 12):
        send(held, data.draw(st.sampled_from([MARKET_TICK, MARKET_CANDLE])), at)
        match data.draw(st.sampled_from(["run", "run and crash", "step and crash", "wait", "go on"])):
            case "run":
                held.run(max_messages=data.draw(st.integers(1, 4)))
            case "run and crash":
                held.run(max_messages=data.draw(st.integers(1, 4)))
                held.crash()
            case "step and crash":
                held.step()
                held.crash()
            case "wait":
                held.clock.sleep(1.0)
            case _:
                pass
    send(held, MARKET_CANDLE, 99)
    held.crash()
    held.run()
    calm = driver()
    for topic in (MARKET_TICK, MARKET_CANDLE):
        for record in held.log.records(topic.name):
            calm.send(topic, record.value, key="", partition=PARTITION)
    calm.run()
    assert sorted(said(held)) == sorted(said(calm))


def test_batch_is_left_off_where_its_outputs_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute's end of 10,000 instruments is 34 MB of features: what one commit holds is bounded."""
    monkeypatch.setattr(protocols, "MOST_OUTPUTS", 4)
    operator = FollowingOperator()
    values: list[bytes | None] = [codec.encode(watermark(at)) for at in range(10)]
    stepped = protocols.step_values(operator, MARKET_CANDLE, values, lambda _number: ())
    assert (stepped.n_taken, len(stepped.outputs)) == (4, 4)


class RememberingOperator(FollowingOperator):
    """Counts by run, and forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self._changed: dict[str, None] = {}

    @property
    def holds(self) -> Collection[str]:
        return ()

    def step(self, topic: Topic, event: Any) -> Iterator[Output]:
        self.counts[event.stream] = self.counts.get(event.stream, 0) + 1
        self._changed[event.stream] = None
        yield Output(
            MARKET_BAR, msgspec.structs.replace(event, event_time_ms=self.counts[event.stream]), None
        )

    def changes(self) -> Iterator[StateChange]:
        for stream in self._changed:
            count = self.counts.get(stream)
            yield StateChange(
                key_of("count", stream), None if count is None else msgspec.msgpack.encode((stream, count))
            )
        self._changed = {}

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        self.counts = dict(msgspec.msgpack.decode(value) for value in entries.values())

    def forget(self, stream: str) -> None:
        del self.counts[stream]
        self._changed[stream] = None


@pytest.mark.parametrize("is_embedded", [False, True])
def test_run_that_ended_is_forgotten_by_the_times_of_records_and_begins_anew(*, is_embedded: bool) -> None:
    held = TopologyDriver(
        Job(name="market", inputs=(MARKET_TICK,), make_operator=lambda _: RememberingOperator()),
        is_embedded=is_embedded,
    )

    def say(stream: str) -> int:
        held.send(MARKET_TICK, watermark(1, stream=stream), key="", partition=PARTITION)
        held.run()
        event = codec.decode(MARKET_BAR, held.values(MARKET_BAR)[-1])
        assert isinstance(event, WatermarkAdvanced)
        return event.event_time_ms

    held.clock.sleep(1.0)
    assert [say("replay-1"), say("live"), say("replay-1")] == [1, 1, 2]
    for _ in range(9):  # days, of which the ended run has seen none
        held.clock.sleep(FORGET_AFTER_MS / 7_000)
        say("live")
        held.crash()
    assert say("replay-1") == 1
    assert say("live") == 11


def test_run_that_was_stepped_again_of_several_inputs_is_not_taken_for_one_that_ended() -> None:
    """Stepping several inputs again noted no times: the first checkpoint said that runs had ended in 1970."""
    job = Job(
        name="market", inputs=(MARKET_TICK, MARKET_CANDLE), make_operator=lambda _: RememberingOperator()
    )
    held = TopologyDriver(job, checkpoint_every_s=60.0)
    held.clock.sleep(1.0)
    for topic in job.inputs:
        held.send(topic, watermark(1), key="", partition=PARTITION)
    held.run()
    held.crash()
    task = held._tasks[PARTITION]
    assert task.operator.counts == {STREAM: 2}
    assert task.checkpoint().head.streams == {STREAM: held.clock.now_ms()}
