"""Judging from looks at a worker whether its loop or one of its partitions has stalled.

It stands apart from the watchdog, which looks, so that it can be tested as a timeline. It sees no clock.
"""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.wire.kafka import Positions
from stream_processors.operators.wakefulness import Wakefulness
from stream_processors.runtime.liveness import Where


class _SeenMoving(NamedTuple):
    """How a partition stood when it was last seen to have moved."""

    n_moves: int
    end: int
    at_s: float


class StallJudge:
    """Tells whether something has stalled.

    After a gap between two looks of more than half of ``stalled_after_s`` it begins anew: it did not run in
    that time, and for all it knows the worker did not run either.

    Args:
        stalled_after_s: How long the loop or a partition may stand still.
    """

    def __init__(self, *, stalled_after_s: float) -> None:
        self._after_s = stalled_after_s
        self._awake = Wakefulness(longest_gap_s=stalled_after_s / 2)
        self._seen: dict[Where, _SeenMoving] = {}

    def stalled(
        self, *, now_s: float, beat_s: float, moves: Mapping[Where, int], ends: Positions
    ) -> Where | str | None:
        """Return a partition that has stalled, the word ``loop``, or None.

        Args:
            now_s: When this look is.
            beat_s: When the loop last came round.
            moves: How often each partition has moved.
            ends: The log's end by partition. A partition that is missing here is not judged.
        """
        awake_since_s = self._awake.since_s(now_s)
        if awake_since_s == now_s:
            self._seen.clear()
        silent_s = now_s - max(beat_s, awake_since_s)
        if silent_s > self._after_s:
            return "loop"
        # A step that hangs keeps its partitions from moving too, and their time may be up a moment before
        # the loop's. Then the loop has stalled and not the partition. A loop that goes on is recognised,
        # because some look comes within half of the time after each of its rounds.
        comes_round = silent_s <= self._after_s / 2
        for place, end in ends.items():
            seen = self._seen.get(place)
            n_moves = moves.get(place, 0)
            if seen is None or n_moves != seen.n_moves:
                self._seen[place] = _SeenMoving(n_moves, end, now_s)
            elif end <= seen.end:  # nothing was published since, so there is nothing to move for
                self._seen[place] = seen._replace(at_s=now_s)
            elif comes_round and now_s - seen.at_s > self._after_s:
                return place
        return None
