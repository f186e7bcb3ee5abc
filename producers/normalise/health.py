"""Judges the health of a source outside the platform from its answers.

::

    answers    . . . . . . . . . .  !  .      .: answers  N: has something new  !: 429, 451, 500
    new        N N N         N
    state      healthy-------quiet--healthy   quiet after five usual intervals without anything new

The usual interval is stated, or learned: the 80th percentile of the distances between its newest items, because
newspapers are slower at night than by day. A source that answers and has nothing new is a finding: most collectors that
stopped working went on to get answers.
"""

from collections.abc import Iterable
from itertools import pairwise

from schemas.events import SourceHealth, SourceHealthChanged
from schemas.time import text_of_time

#: So many usual intervals without anything new are not calm any more.
QUIET_AFTER = 5
#: A shorter interval is not learned, since items may come in bursts.
_SHORTEST_USUAL_MS = 60_000
_FEWEST_ITEMS = 5
_MOST_ITEMS = 200
_QUANTILE = 0.8
#: The same state is said again after so long, with the newest times.
_REPEATED_MS = 60_000
_LONGEST_REASON = 500


class UsualInterval:
    """How often a source has something new.

    Args:
        stated_ms: As its description states; None learns it.
    """

    def __init__(self, stated_ms: int | None) -> None:
        self._stated_ms = stated_ms
        self._times: set[int] = set()

    def add(self, times_ms: Iterable[int]) -> None:
        """Take the event times of items; only the newest are kept."""
        self._times.update(times_ms)
        if len(self._times) > 2 * _MOST_ITEMS:
            self._times = set(sorted(self._times)[-_MOST_ITEMS:])

    @property
    def ms(self) -> int | None:
        """The interval; None as long as it is neither stated nor learned."""
        if self._stated_ms is not None:
            return self._stated_ms
        times = sorted(self._times)[-_MOST_ITEMS:]
        if len(times) < _FEWEST_ITEMS:
            return None
        gaps = sorted(later - earlier for earlier, later in pairwise(times))
        return max(gaps[int(_QUANTILE * (len(gaps) - 1))], _SHORTEST_USUAL_MS)


class HealthJudge:
    """Judges one source.

    Args:
        source: Its name.
        stream: The run.
        usual: How often it has something new.
        before: What was said of it last, by an earlier process too; None if nothing was.
    """

    def __init__(
        self, source: str, stream: str, *, usual: UsualInterval, before: SourceHealthChanged | None = None
    ) -> None:
        self._source = source
        self._stream = stream
        self._usual = usual
        self._said = before
        self._last_item_ms = None if before is None else before.last_item_ms
        self._last_answer_ms = None if before is None else before.last_answer_ms

    @property
    def state(self) -> SourceHealth:
        """What was said last."""
        return SourceHealth.UNKNOWN if self._said is None else self._said.state

    @property
    def reason(self) -> str:
        """Why, as it was said last."""
        return "" if self._said is None else self._said.reason

    def on_answer(
        self, now_ms: int, *, newest_ms: int | None, item_times_ms: Iterable[int] = ()
    ) -> SourceHealthChanged | None:
        """Take an answer into account; returns what is to be said, or None.

        Args:
            now_ms: When it came.
            newest_ms: The event time of the newest item that it holds; None if it holds none.
            item_times_ms: The event times of its new items.
        """
        self._usual.add(item_times_ms)
        self._last_answer_ms = now_ms
        if newest_ms is not None:
            self._last_item_ms = max(newest_ms, self._last_item_ms or newest_ms)
        usual_ms = self._usual.ms
        if self._last_item_ms is None:
            return self._say(now_ms, SourceHealth.QUIET, "it answers and has never shown an item")
        if usual_ms is not None and now_ms - self._last_item_ms > QUIET_AFTER * usual_ms:
            reason = (
                f"it answers, and its newest item is of {text_of_time(self._last_item_ms, 'minute')}, more than "
                f"{QUIET_AFTER} times its usual interval of {_span(usual_ms)} ago"
            )
            return self._say(now_ms, SourceHealth.QUIET, reason)
        return self._say(now_ms, SourceHealth.HEALTHY, "it answers and has new items as usual")

    def on_failure(self, now_ms: int, state: SourceHealth, reason: str) -> SourceHealthChanged | None:
        """Take a failed round into account; returns what is to be said, or None.

        Args:
            now_ms: When it failed.
            state: ``limited``, ``refused`` or ``failing``.
            reason: One sentence.
        """
        return self._say(now_ms, state, reason)

    def _say(self, now_ms: int, state: SourceHealth, reason: str) -> SourceHealthChanged | None:
        said = self._said
        is_same = said is not None and said.state is state
        if said is not None and is_same and now_ms - said.event_time_ms < _REPEATED_MS:
            return None
        self._said = SourceHealthChanged(
            event_time_ms=now_ms,
            known_time_ms=now_ms,
            source=self._source,
            stream=self._stream,
            state=state,
            reason=reason[:_LONGEST_REASON],
            last_item_ms=self._last_item_ms,
            last_answer_ms=self._last_answer_ms,
        )
        return self._said


def _span(ms: int) -> str:
    minutes = ms / 60_000
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
