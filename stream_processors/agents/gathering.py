"""A bounded buffer between the stream of Faust and the scoring: records are taken by number and age.

A full buffer makes the agent wait, then the stream's own bounded buffer, and then the client, which fetches nothing more.
"""

import asyncio

from schemas.wire.kafka import Record

#: Records that wait for the scoring; Faust's stream holds as many more, and its client one fetch of 1 MB.
MOST_WAITING = 256
_LOOK_S = 0.2


class RecordBuffer:
    """Holds records in their order.

    Args:
        most: How many it holds.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._waiting: asyncio.Queue[Record] = asyncio.Queue(most)

    async def put(self, record: Record) -> None:
        """Add a record, and wait as long as there is no room."""
        await self._waiting.put(record)

    async def take(self, most: int, *, within_s: float) -> list[Record]:
        """Return at most so many records; empty if none came for a moment.

        Args:
            most: The largest number.
            within_s: How long after the first record others are waited for.
        """
        taken: list[Record] = []
        timeout_s = _LOOK_S
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while len(taken) < most:
            if self._waiting.empty():
                try:
                    taken.append(await asyncio.wait_for(self._waiting.get(), timeout_s))
                except TimeoutError:
                    break
            else:
                taken.append(self._waiting.get_nowait())
            if len(taken) == 1:
                until_s = loop.time() + within_s
            timeout_s = max(0.0, until_s - loop.time())
        return taken


class BatchSize:
    """How many records a batch takes, so that it takes about as long as it should.

    A slow scorer has small batches, because nothing of a batch is published before all of it was scored, and a watermark
    behind it waits.

    Args:
        seconds: How long a batch should take.
    """

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self.n = 32

    def took(self, n: int, seconds: float) -> None:
        """Take into account how long a batch of so many articles took."""
        if n:
            fitting = round(n * self._seconds / max(seconds, 1e-6))
            self.n = max(8, min(fitting, 2 * self.n, MOST_WAITING))
