"""The flow of the agent: take a batch, score it, publish what follows in order, commit the offset.

::

    1 take        what waits, by number and age
    2 score       in a thread, so that the event loop and with it the client go on
    3 publish     dead letters and scores; a record about the source is sent only when all before it were acknowledged
    4 commit      the offset after the last record of the batch, when all of it was acknowledged

So a process that dies at any point publishes again what it did not commit, as the same facts, and never a watermark
before the scores that it vouches for. Batches follow each other and do not overlap.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor

import structlog

from schemas.events import ArticlePublished, SourceReturned
from schemas.time import Clock
from schemas.wire.kafka import Record
from stream_processors.agents.gathering import BatchSize, RecordBuffer
from stream_processors.agents.outputs import NAME, OutgoingRecord, Outlet, letter_of, record_of_event
from stream_processors.agents.reading import read_batch
from stream_processors.agents.scoring import ArticleScoring
from stream_processors.runtime.dead_letters import reason_of

log = structlog.get_logger()
#: How long other records are waited for after the first one of a batch.
WITHIN_S = 0.02


class SentimentFlow:
    """Moves records from the buffer to the topic of scores.

    Args:
        buffer: What was read.
        scoring: Makes events of a batch.
        outlet: Where records are published and offsets are committed.
        thread: In which scoring runs; it has one thread.
        returns: Returns the ends of the absences that last, before anything else is published.
        on_moved: Called whenever a batch was committed.
        clock: Tells how long batches take.
    """

    def __init__(
        self,
        *,
        buffer: RecordBuffer,
        scoring: ArticleScoring,
        outlet: Outlet,
        thread: Executor,
        returns: Callable[[], Sequence[SourceReturned]],
        on_moved: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._buffer = buffer
        self._scoring = scoring
        self._outlet = outlet
        self._thread = thread
        self._returns = returns
        self._on_moved = on_moved
        self._clock = clock
        self._size = BatchSize()
        self._next_offset = 0
        self._has_begun = False

    async def run(self, stop: Callable[[], bool]) -> None:
        """Move records until asked to stop; the batch in hand is then committed.

        Raises:
            BrokerUnavailableError: If the broker did not take a record or an offset.
        """
        while not stop():
            taken = await self._buffer.take(self._size.n, within_s=WITHIN_S)
            # After an interruption the client may hand records over again that were committed.
            records = [record for record in taken if record.offset >= self._next_offset]
            if records:
                await self._move(records)

    async def _move(self, records: Sequence[Record]) -> None:
        outputs = await self._outputs(records)
        if not self._has_begun:
            outputs = [*await self._begin(), *outputs]
        await _publish(self._outlet, outputs)
        self._next_offset = records[-1].offset + 1
        await self._outlet.commit(self._next_offset)
        self._has_begun = True
        self._on_moved()

    async def _outputs(self, records: Sequence[Record]) -> list[OutgoingRecord]:
        read = read_batch(records)
        for record, error in read.rejected:
            log.warning(
                "dead letter", job=NAME, topic=record.topic, offset=record.offset, reason=reason_of(error)
            )
        letters = [letter_of(record, error) for record, error in read.rejected]
        began_s = self._clock.monotonic_s()
        steps = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._scoring.events, read.steps
        )
        n_articles = sum(isinstance(step.event, ArticlePublished) for step in read.steps)
        self._size.took(n_articles, self._clock.monotonic_s() - began_s)
        return [*letters, *(record_of_event(step.event, step.record) for step in steps)]

    async def _begin(self) -> list[OutgoingRecord]:
        ends = await asyncio.to_thread(self._returns)
        return [record_of_event(event) for event in ends]


async def _publish(outlet: Outlet, records: Sequence[OutgoingRecord]) -> None:
    waiting: list[Awaitable[object]] = []
    for record in records:
        if record.is_about_source and waiting:
            await asyncio.gather(*waiting)
            waiting.clear()
        waiting.append(await outlet.send(record))
    await asyncio.gather(*waiting)
