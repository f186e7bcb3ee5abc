"""Fills a series: plans what is missing, asks for it, and counts what is left at the end.

A backfill that was killed is resumed by beginning it again, because the stored candles and the ledger say together what is
missing. What a source does not give is named in the ledger.
"""

from producers.jobs.backfilling.accounts import Work, work_of
from producers.jobs.backfilling.asking import ask
from producers.jobs.backfilling.places import stretch_of
from producers.jobs.backfilling.series import Series
from producers.jobs.backfilling.stretches import Stretch, total, without
from schemas.time import text_of_time


def fill(series: Series, *, trouble: str | None = None, asks_again: bool = False) -> str | None:
    """Ask for what is missing, and name what does not come.

    Args:
        series: What is filled.
        trouble: Why the venue was given up before; then it is not asked.
        asks_again: Whether what is stored is asked for, too, to find corrections.

    Returns:
        Why the venue was given up; None if it was not.

    Raises:
        StoppedError: If the process was asked to end; what was stored stays.
        StoreUnavailableError: If the store does not answer.
    """
    work = _planned(series, asks_again=asks_again)
    series.name(work.out_of_reach, _out_of_reach(series))
    for stretch in work.ask:
        series.check_stopped()
        if trouble is None:
            trouble = ask(series, stretch)
        else:
            series.name([stretch], trouble)
    series.tally.trouble = trouble
    series.tally.is_whole = True
    return trouble


def count_left(series: Series) -> None:
    """Count what the stored bars and the ledger say at the end."""
    work = _work(series, reach_ms=None)
    named = [stretch_of(gap) for gap in series.open_gaps]
    step_ms = series.place.step_ms
    series.tally.n_quiet = work.n_quiet
    series.tally.n_unnamed = total(without(work.ask, named), step_ms)
    series.tally.n_missing = total(work.ask, step_ms) - series.tally.n_unnamed


def _planned(series: Series, *, asks_again: bool) -> Work:
    place, tally = series.place, series.tally
    tally.reach_ms = _reach_ms(series)
    work = _work(series, reach_ms=tally.reach_ms)
    series.known = without([series.span], [*work.ask, *work.out_of_reach])
    if asks_again:
        work = work._replace(ask=_within_reach(series.span, tally.reach_ms))
    tally.n_before, tally.n_asked = work.n_before, total(work.ask, place.step_ms)
    series.ports.moved(place, tally.n_wanted - tally.n_asked - total(work.out_of_reach, place.step_ms))
    return work


def _within_reach(span: Stretch, reach_ms: int | None) -> list[Stretch]:
    return [span] if reach_ms is None else without([span], [Stretch(0, reach_ms)])


def _work(series: Series, *, reach_ms: int | None) -> Work:
    place, store = series.place, series.ports.store
    gaps = store.gaps(place)
    series.open_gaps = [gap for gap in gaps if gap.is_open]
    held = store.held(place, series.span)
    return work_of(series.span, held, gaps, step_ms=place.step_ms, reach_ms=reach_ms)


def _reach_ms(series: Series) -> int | None:
    if series.place.interval not in series.venue.traits.candle_intervals:
        return series.span.end_ms
    return series.venue.candles_reach_ms(series.place.interval, now_ms=series.ports.clock.now_ms())


def _out_of_reach(series: Series) -> str:
    venue, interval = series.venue, series.place.interval
    if interval not in venue.traits.candle_intervals:
        return f"The API of {venue.name} has no candles of {interval}."
    reach_ms, n_candles = series.tally.reach_ms, venue.traits.n_candles
    since = "" if reach_ms is None else f", since {text_of_time(reach_ms)}"
    newest = "candles" if n_candles is None else f"the newest {n_candles} candles"
    return f"The API of {venue.name} gives only {newest}{since}; older ones are not made of its trades."
