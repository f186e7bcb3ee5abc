"""The bounded queue between the thread that follows a source and the loop that publishes.

The thread asks for room before it reads from its sockets, so a full queue stops the reading, and the network holds
the venue back. The loop never waits. When it gives a source up as absent, the queue is shut in the same moment:
whatever the thread still has must not be published as if the source had been there all the time.
"""

from collections import deque
from threading import Lock

from producers.jobs.following.healing import Healed
from producers.normalise.live import LiveItem
from schemas.events import QuoteObserved

#: What a follower hands over: what its source gives, and beside it quotes and the candles of healed gaps.
Handed = LiveItem | QuoteObserved | Healed

#: The thread reads on while fewer items than this wait; one page of trades or one message may go beyond it.
MOST_WAITING = 20_000


class ShutError(Exception):
    """The source was declared absent, so an item was not taken."""


class Handover:
    """Hands items from one thread to another.

    Args:
        most_waiting: There is room while fewer items wait.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._items = deque[Handed]()
        self._lock = Lock()
        self._is_shut = False

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._items)

    @property
    def is_shut(self) -> bool:
        """Whether the source was declared absent since :meth:`open`."""
        return self._is_shut

    @property
    def has_room(self) -> bool:
        """Whether the thread may read on."""
        return len(self._items) < self._most_waiting

    def put(self, item: Handed) -> None:
        """Add an item.

        Raises:
            ShutError: If the source was declared absent since :meth:`open`.
        """
        with self._lock:
            if self._is_shut:
                raise ShutError
            self._items.append(item)

    def take(self) -> Handed | None:
        """Return the oldest item, or None if there is none."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def shut(self) -> bool:
        """Take no more items, if none waits; return whether that is so now."""
        with self._lock:
            self._is_shut = self._is_shut or not self._items
            return self._is_shut

    def open(self) -> None:
        """Take items again."""
        with self._lock:
            self._is_shut = False
