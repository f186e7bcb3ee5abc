"""What a worker tells its watchdog: when its loop last came round, and which partitions moved."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from schemas.time import Clock

Where = tuple[str, int]


class LivenessSignals:
    """The signals of one worker, which its loop writes and its watchdog reads.

    Args:
        clock: Tells when the loop came round.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moves: dict[Where, int] = {}
        self._beat_s = clock.monotonic_s()
        self._is_recovering = False

    def beat(self) -> None:
        """Note that the loop came round."""
        self._beat_s = self._clock.monotonic_s()

    @property
    def beat_s(self) -> float:
        """When the loop last came round; while state is being restored this is now."""
        return self._clock.monotonic_s() if self._is_recovering else self._beat_s

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Count neither the loop nor any partition as standing still while the block restores state."""
        self._is_recovering = True
        try:
            yield
        finally:
            self.count_all_as_moved()
            self.beat()
            self._is_recovering = False

    def moved(self, place: Where) -> None:
        """Note that a partition moved: messages came, or its end was reached."""
        self._moves[place] = self._moves.get(place, 0) + 1

    def watch(self, places: Iterable[Where]) -> None:
        """Expect partitions to move from now on."""
        for place in places:
            self.moved(place)

    def count_all_as_moved(self) -> None:
        """Count every partition as moved, because the worker steps what it has and takes nothing more."""
        self.watch(list(self._moves))

    def forget(self, numbers: Iterable[int]) -> None:
        """Expect nothing of these partition numbers any more."""
        gone = set(numbers)
        self._moves = {place: n for place, n in self._moves.items() if place[1] not in gone}

    def moves(self) -> dict[Where, int]:
        """Return how often each partition has moved; while state is being restored, all of them move."""
        if self._is_recovering:
            self.count_all_as_moved()
        return dict(self._moves)
