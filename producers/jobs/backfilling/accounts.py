"""The accounts of a backfill: what is missing, and how the ledger changes when a page was read. Pure.

Every bar of the span is in the end one of these::

    stored                a candle of the venue, or a bar of the platform's own
    nothing was traded    a closed gap, which no later backfill asks for again
    missing               an open gap with its reason, which every later backfill asks for again

Nothing is filled forward. Gaps never overlap what is stored, so that stored bars and gaps together
are the span, each bar once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.jobs.backfilling.places import BACKFILL, NOT_TRADED, Place, stretch_of
from producers.jobs.backfilling.stretches import Stretch, inside, joined, of_starts, without
from schemas.gaps import Gap

#: An end of the answers so near to the present may only mean that the venue has not closed its candles yet.
RECENT_MS = 600_000
NOT_CLOSED = "The venue had not closed these candles when it was asked."
QUIET = "The venue leaves out candles in which nothing was traded."
NOT_GIVEN = "The venue has no candles of this time, and does not say why."
OUT_OF_REACH = "The venue's API does not reach back so far any more."
UNREADABLE = "A row of the venue's answer could not be read, and may have been one of these candles."


class Work(NamedTuple):
    """What a backfill of one series has to do.

    Attributes:
        ask: What is missing and within the reach of the venue, oldest first.
        out_of_reach: What is missing and not to be had.
        n_before: How many bars of the span are stored.
        n_quiet: In how many nothing was traded, as the ledger says.
    """

    ask: list[Stretch]
    out_of_reach: list[Stretch]
    n_before: int
    n_quiet: int


def work_of(
    span: Stretch, held: NDArray[np.int64], gaps: Iterable[Gap], *, step_ms: int, reach_ms: int | None
) -> Work:
    """Return what is to be done.

    Args:
        span: What is wanted.
        held: The starts of the stored bars, shape (n,), increasing.
        gaps: The gaps of the series, open and closed.
        step_ms: The length of a bar.
        reach_ms: The oldest start that the venue gives; None if all.
    """
    stored = inside(of_starts(held, step_ms), span)
    quiet = inside((stretch_of(gap) for gap in gaps if gap.closed_by == NOT_TRADED), span)
    missing = without([span], [*stored, *quiet]) if span.start_ms < span.end_ms else []
    border_ms = span.start_ms if reach_ms is None else max(span.start_ms, min(reach_ms, span.end_ms))
    return Work(
        ask=inside(missing, Stretch(border_ms, span.end_ms)),
        out_of_reach=inside(missing, Stretch(span.start_ms, border_ms)),
        n_before=sum(each.count(step_ms) for each in stored),
        n_quiet=sum(each.count(step_ms) for each in without(quiet, stored)),
    )


class Answer(NamedTuple):
    """What the venue said of a stretch.

    Attributes:
        about: The stretch that the answer is about.
        found: The starts of the good candles, increasing.
        bad: Why the candle of a start was put aside.
        unknown: Why nothing is known of the rest; None if the venue has no candles there.
        unreadable: Why a hole is no proof of a quiet market; None if it is one.
        reach_ms: What is older than this may have left the reach of the venue meanwhile; None if nothing does.
        known: Parts that are stored or named for good already, so that they are no holes.
    """

    about: Stretch
    found: NDArray[np.int64]
    bad: Mapping[int, str]
    unknown: str | None = None
    unreadable: str | None = None
    reach_ms: int | None = None
    known: Sequence[Stretch] = ()

    def reason(self, hole: Stretch, *, at_ms: int) -> str:
        """Return why candles are missing in a hole."""
        if self.unknown is not None:
            return self.unknown
        if self.reach_ms is not None and hole.start_ms < self.reach_ms:
            return OUT_OF_REACH
        if self.unreadable is not None:
            return self.unreadable
        is_at_end = hole.end_ms == self.about.end_ms
        return NOT_CLOSED if is_at_end and hole.end_ms > at_ms - RECENT_MS else NOT_GIVEN


class Change(NamedTuple):
    """A gap that is closed.

    Attributes:
        gap: An open gap of the ledger.
        by: Who closes it.
        remaining: What is left of it.
    """

    gap: Gap
    by: str
    remaining: tuple[Gap, ...]


class Changes(NamedTuple):
    """How the ledger changes; closing comes first."""

    closing: Sequence[Change] = ()
    opening: Sequence[Gap] = ()


def changes_of(
    place: Place, answer: Answer, open_gaps: Collection[Gap], *, longest_pause_ms: int, at_ms: int
) -> Changes:
    """Return how the ledger changes with an answer.

    Args:
        place: The series.
        answer: What the venue said.
        open_gaps: The open gaps of the series.
        longest_pause_ms: In a hole that is at most this long nothing was traded; 0 where the venue gives every candle.
        at_ms: By the clock of the platform.
    """
    named = _named(place, answer, longest_pause_ms=longest_pause_ms, at_ms=at_ms)
    missing = [gap for gap in named if gap.is_open]
    touched = [gap for gap in open_gaps if stretch_of(gap).within(answer.about) is not None]
    closing = [
        change for gap in touched if (change := _change(place, gap, answer, missing, at_ms=at_ms)) is not None
    ]
    known = [stretch_of(gap) for gap in touched]
    fresh = [
        place.gap(part, gap.reason, at_ms=at_ms)
        for gap in missing
        for part in without([stretch_of(gap)], known)
    ]
    return Changes(closing, [*fresh, *(gap for gap in named if not gap.is_open)])


def _named(place: Place, answer: Answer, *, longest_pause_ms: int, at_ms: int) -> list[Gap]:
    """The gaps of an answer, as if the ledger were empty."""
    bad = [(Stretch(start_ms, start_ms + place.step_ms), reason) for start_ms, reason in answer.bad.items()]
    named = [
        place.gap(left, reason, at_ms=at_ms) for part, reason in bad for left in without([part], answer.known)
    ]
    for hole in _holes(place, answer):
        reason = answer.reason(hole, at_ms=at_ms)
        # A candle after the hole bears out that the venue answered; an empty answer proves nothing.
        is_borne_out = hole.end_ms < answer.about.end_ms
        if reason == NOT_GIVEN and is_borne_out and hole.end_ms - hole.start_ms <= longest_pause_ms:
            named.append(place.gap(hole, QUIET, at_ms=at_ms, closed_by=NOT_TRADED))
        else:
            named.append(place.gap(hole, reason, at_ms=at_ms))
    return named


def _holes(place: Place, answer: Answer) -> list[Stretch]:
    """What an answer leaves out, cut where the reach of the venue begins."""
    bad = [Stretch(start_ms, start_ms + place.step_ms) for start_ms in answer.bad]
    holes = without([answer.about], [*of_starts(answer.found, place.step_ms), *bad, *answer.known])
    if answer.reach_ms is None:
        return holes
    gone = Stretch(0, answer.reach_ms)
    return [*inside(holes, gone), *without(holes, [gone])]


def _change(place: Place, gap: Gap, answer: Answer, missing: Sequence[Gap], *, at_ms: int) -> Change | None:
    """How an open gap changes; None if all of it is still missing."""
    whole = stretch_of(gap)
    outside = [(part, gap.reason) for part in without([whole], [answer.about])]
    still = [(part, each.reason) for each in missing for part in inside([stretch_of(each)], whole)]
    left = joined(part for part, _ in [*outside, *still])
    if left == [whole]:
        return None
    has_candles = any(whole.start_ms <= start_ms < whole.end_ms for start_ms in answer.found.tolist())
    remaining = tuple(place.gap(part, reason, at_ms=at_ms) for part, reason in sorted([*outside, *still]))
    # A gap that is closed because nothing was traded counts as known from then on, so all of it must be known.
    return Change(gap, NOT_TRADED if not left and not has_candles else BACKFILL, remaining)
