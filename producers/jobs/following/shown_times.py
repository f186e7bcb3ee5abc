"""The venue's own time, as far as a connection has shown it: no source is complete beyond that.

Our clock alone cannot say how far a venue is. A venue whose clock steps back, or whose messages come late as a whole,
goes on sending something each second, and an estimate of its clock would run ahead of its trades::

    ours     0    5    10   15   20        the venue falls back by 20 s at 5, and is right again at 20
    venue    0    5   -10  -5    20        a jump of 25 s: what lies between is fetched by REST
    shown    0    5    5    5    20        the latest time of trades, quotes, heartbeats, and of answers of REST

Where nothing shows a time for some seconds, the REST API is asked: an answer without further trades proves that there
were none, and its ``Date`` says until when.
"""

from collections.abc import Iterator

from producers.sources.venues import Reading
from schemas.sources import LARGEST_LEAD_MS

#: What a REST API may not show yet of the trades that have been made.
REST_LAG_MS = 2_000
#: If the venue's time is so much more behind than is expected, the REST API is asked.
QUIET_MS = 5_000
#: If the venue's time moves by so much more than ours from one message to the next, trades may have been left out.
_JUMP_MS = 5_000


class ShownTime:
    """The venue's time on one connection.

    Attributes:
        time_ms: The latest that was shown; None before the first.
    """

    def __init__(self) -> None:
        self.time_ms: int | None = None
        self._last: tuple[int, int] | None = None

    def opened(self) -> None:
        """Note that the connection is a new one, before which everything is fetched."""
        self._last = None

    def in_message(self, time_ms: int, received_ms: int) -> bool:
        """Take the time of a message, and return whether it jumped ahead, so that trades may have been left out.

        Args:
            time_ms: By the venue; a time that is too far ahead of ours is wrong and not taken.
            received_ms: When the message arrived.
        """
        if time_ms - received_ms > LARGEST_LEAD_MS:
            return False
        last_ms, last_received_ms = self._last or (time_ms, received_ms)
        self._last = (time_ms, received_ms)
        self._move(time_ms)
        moved_ms = time_ms - last_ms
        return moved_ms > _JUMP_MS and moved_ms - (received_ms - last_received_ms) > _JUMP_MS

    def in_answer(self, answered_ms: int | None) -> None:
        """Take the venue's time of an answer after which nothing is missing; None if it states none."""
        if answered_ms is not None:
            self._move(answered_ms - REST_LAG_MS)

    def _move(self, time_ms: int) -> None:
        self.time_ms = max(time_ms, self.time_ms or time_ms)


def times_in(reading: Reading) -> Iterator[int]:
    """Yield the venue's times in a message that say how far the venue is; repeated trades are old."""
    for _, trade in reading.trades:
        yield trade.time_ms
    for _, quote in reading.quotes:
        if quote.time_ms is not None:
            yield quote.time_ms
    for notice in reading.notices:
        if notice.time_ms is not None:
            yield notice.time_ms
