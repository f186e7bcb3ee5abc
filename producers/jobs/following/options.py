"""How a source is followed."""

from typing import NamedTuple

#: How long the thread of a follower rests when there is nothing to do.
REST_S = 0.02


class FollowOptions(NamedTuple):
    """How a source is followed.

    Attributes:
        hold_s: For so long without progress a source that is being refilled is held; then it is absent.
        longest_refill_ms: A longer outage is filled with candles of whole minutes.
        longest_history_ms: So far back before the start of the process history is published.
        start_wait_s: So long a page of the history is waited for before the run begins without the venue.
    """

    hold_s: float = 60.0
    longest_refill_ms: int = 3_600_000
    longest_history_ms: int = 21 * 86_400_000
    start_wait_s: float = 20.0
