"""Decides which instruments are healthy enough to answer for their asset, and says why one is not. Pure.

An instrument is healthy if its source is not reported to be refused or failing, its newest price is not in quarantine,
it has data, and in a run by the wall clock its data are not old. That a source publishes is seen by the bars: a source
that is absent has none, although its absence moves its watermark. A reason names no age, so that it stays the same for
as long as it holds.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from schemas.events import PriceObserved, SourceHealth, SourceHealthChanged
from schemas.targets import TargetPair
from schemas.time import Interval, text_of_time

#: A bar is late if the next one should have closed so long ago. A follower that is cut off comes back within seconds.
BAR_LATENESS_MS = 60_000
#: Health is repeated each minute; `driftline collect --once` may run every 15 minutes.
HEALTH_BELIEVED_MS = 20 * 60_000
#: One failed round between two good ones is no failure: a source is asked each minute.
FAILING_AFTER_MS = 120_000
#: A doubted price is older than this only if nobody asks for prices any more.
DOUBT_BELIEVED_MS = 15 * 60_000


class InstrumentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the stores hold about one instrument.

    Attributes:
        instrument: Its name.
        source: The source to which it belongs.
        health: The newest health of the source; None if nothing was published about it.
        price: Its newest latest price; None if it has none.
        bars_ms: The end of the newest bar of each interval that has bars.
        predictions_ms: The as-of time of the champion's newest prediction of each target that has one.
    """

    instrument: str
    source: str
    health: SourceHealthChanged | None = None
    price: PriceObserved | None = None
    bars_ms: Mapping[Interval, int]
    predictions_ms: Mapping[TargetPair, int]

    @property
    def newest_bar(self) -> tuple[Interval, int] | None:
        """The shortest interval that has bars, and the end of its newest bar."""
        if not self.bars_ms:
            return None
        return min(self.bars_ms.items(), key=lambda one: one[0].milliseconds)


class Judging(NamedTuple):
    """By what instruments are judged.

    Attributes:
        now_ms: The clock of the run; None if it is not known, and then nothing is too old.
        is_by_wall_clock: Whether data become old. A replay plays several files at a speed, so its lags say nothing.
    """

    now_ms: int | None
    is_by_wall_clock: bool

    def is_late(self, as_of_ms: int, interval: Interval) -> bool:
        """Return whether the next bar after this time is overdue."""
        if self.now_ms is None or not self.is_by_wall_clock:
            return False
        return self.now_ms - as_of_ms > interval.milliseconds + BAR_LATENESS_MS

    def is_within(self, time_ms: int, span_ms: int) -> bool:
        """Return whether a time lies at most so long ago."""
        return self.now_ms is None or self.now_ms - time_ms <= span_ms


def why_unhealthy(facts: InstrumentFacts, judging: Judging) -> str | None:
    """Return why an instrument should not answer for its asset; None if it is healthy."""
    found = _about_source(facts, judging) or _about_price(facts, judging)
    if found is not None:
        return found
    if facts.newest_bar is None:
        return "it has no bar yet"
    return _late_bar(judging, *facts.newest_bar)


def why_without_bars(facts: InstrumentFacts, interval: Interval, judging: Judging) -> str | None:
    """Return why an instrument should not answer with bars or features of an interval; None if it is healthy.

    Args:
        facts: What is known of the instrument.
        interval: The length of the bars.
        judging: By what it is judged.
    """
    found = why_unhealthy(facts, judging)
    if found is not None:
        return found
    end_ms = facts.bars_ms.get(interval)
    return f"it has no bar of {interval} yet" if end_ms is None else _late_bar(judging, interval, end_ms)


def why_without_prediction(facts: InstrumentFacts, target: TargetPair, judging: Judging) -> str | None:
    """Return why an instrument should not answer with predictions of a target; None if it is healthy.

    Args:
        facts: What is known of the instrument.
        target: The target.
        judging: By what it is judged.
    """
    found = why_without_bars(facts, target.interval, judging)
    if found is not None:
        return found
    as_of_ms = facts.predictions_ms.get(target)
    if as_of_ms is None:
        return f"it has no prediction of {target} yet"
    if judging.is_late(as_of_ms, target.interval):
        return f"its newest prediction of {target} is as of {text_of_time(as_of_ms)}, and the next one is overdue"
    return None


def _about_source(facts: InstrumentFacts, judging: Judging) -> str | None:
    health = facts.health
    if health is None or not judging.is_within(health.event_time_ms, HEALTH_BELIEVED_MS):
        return None
    is_failing = health.state is SourceHealth.FAILING and (
        health.last_answer_ms is None or not judging.is_within(health.last_answer_ms, FAILING_AFTER_MS)
    )
    if health.state is not SourceHealth.REFUSED and not is_failing:
        return None
    return f"its source {facts.source} is {health.state}: {health.reason.rstrip('.')}"


def _about_price(facts: InstrumentFacts, judging: Judging) -> str | None:
    price = facts.price
    if price is None or not price.is_quarantined:
        return None
    if not judging.is_within(price.event_time_ms, DOUBT_BELIEVED_MS):
        return None
    return "its newest price is in quarantine" + (
        "" if price.reason is None else f": {price.reason.rstrip('.')}"
    )


def _late_bar(judging: Judging, interval: Interval, end_ms: int) -> str | None:
    if not judging.is_late(end_ms, interval):
        return None
    return f"its newest bar of {interval} ended at {text_of_time(end_ms)}, and the next one is overdue"
