"""What is doubtful in a file of candles, in whole sentences."""

from collections.abc import Sequence

import numpy as np

from producers.sources.files.candles.clock_changes import clock_change
from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.columns import Columns, doubts_about_times
from producers.sources.files.candles.counting import counted
from producers.sources.files.candles.file_rows import FileRows
from producers.sources.files.candles.holes import SHORTEST_ADDED_MS, STATED_PAUSE_MS, Holes
from producers.sources.files.candles.judging import Judged
from producers.sources.files.candles.raw_tables import RawTable
from producers.sources.files.candles.shifts import contradicted_rows, shift_doubts
from producers.sources.files.candles.steps import BarLength
from producers.sources.files.candles.texts import TextShape
from producers.sources.files.candles.volume_units import doubt_about_name, volume_doubt
from producers.sources.files.forms import ReadRequest
from schemas.time import text_of_time

_MOST_JUMPS = 3
#: What is said of a file that does not name its instrument; evaluations can do without.
UNNAMED = "The file does not say which instrument it holds: state it, such as INSTRUMENT=BTC-USD.KRAKEN"


def cautions_about(rows: FileRows, sound: Columns, holes: Holes) -> tuple[str, ...]:
    """Return what a user should know before he believes a file.

    Args:
        rows: The rows of the file, judged.
        sound: The good rows, by time.
        holes: What is missing between them.
    """
    return (
        *_about_the_end(rows.raw),
        *_about_the_instrument(rows.request),
        *doubts_about_times(rows.raw),
        *_about_times(rows),
        *_about_other_lengths(rows.judged),
        *_about_clocks(rows, sound, holes),
        *shift_doubts(rows.columns, contradicted_rows(rows.judged.broken), sound, holes),
        *_about_prices(rows.judged),
        *_about_volumes(rows.raw, sound),
        *_about_silent_bars(sound),
        *_about_holes(holes, sound, rows.stamps.length),
    )


def doubts_about_numbers(shape: TextShape | None) -> tuple[str, ...]:
    """Return sentences about numbers of a text that can be read in two ways."""
    if shape is None or shape.doubtful is None:
        return ()
    cell = shape.doubtful.strip()
    sentence = (
        f"Prices such as {cell} are read with a decimal point: if the point groups thousands, write {cell} "
        "without it"
    )
    return (sentence,)


def _about_the_end(raw: RawTable) -> Sequence[str]:
    if raw.is_open_ended:
        return ("The last line has no end: if the file was cut off, its last number is wrong",)
    if raw.fault is None:
        return ()
    return (f"The file is damaged and was read up to the damage: {raw.fault}",)


def _about_the_instrument(request: ReadRequest) -> Sequence[str]:
    if request.instrument is not None:
        return ()
    return (UNNAMED,)


def _about_times(rows: FileRows) -> Sequence[str]:
    sentences = []
    length = rows.stamps.length
    if rows.stamps.are_closes:
        sentences.append(
            f"The times are closes: each bar begins {length} before the time that its row states"
        )
    if length.is_local:
        sentences.append(
            f"The bars of {length} begin at {length.beginning} UTC: the times may be local ones; "
            "driftline up does not play such bars"
        )
    if rows.is_newest_first:
        sentences.append("The rows stand newest first and were sorted")
    if rows.n_disordered:
        sentences.append(f"{counted(rows.n_disordered, 'row')} stood after a later row, and all were sorted")
    return sentences


def _about_other_lengths(found: Judged) -> Sequence[str]:
    if not found.other_lengths:
        return ()
    first, *others = found.other_lengths
    begin, end = text_of_time(first.first_ms, "minute"), text_of_time(first.last_ms, "minute")
    more = f", as were {len(others):,} further stretches of rows" if others else ""
    sentence = (
        f"The rows from {begin} to {end} are {first.length} apart and were set aside{more}: give bars of each length "
        "as a file of its own"
    )
    return (sentence,)


def _about_clocks(rows: FileRows, sound: Columns, holes: Holes) -> Sequence[str]:
    change = clock_change(rows, sound["start_ms"], holes)
    return () if change is None else (change,)


def _about_prices(found: Judged) -> Sequence[str]:
    sentences = []
    if found.jumps:
        sentences.append(
            f"The price jumps between two rows by more than a market moves ({_shown(found.jumps)}): the symbol was "
            "redenominated or rows are wrong, and only the rows on the scale of most are used"
        )
    if found.wicks:
        sentences.append(
            f"Highs or lows lie far from the open and the close of their bar ({_shown(found.wicks)}) and are kept, because "
            "much was traded then and the bar beside it is wide"
        )
    return sentences


def _shown(factors: Sequence[tuple[int, float]]) -> str:
    """The first of some factors and their times, and how many more there are."""
    shown = ", ".join(
        f"{factor:,.4g} times at {text_of_time(time_ms, 'minute')}"
        for time_ms, factor in factors[:_MOST_JUMPS]
    )
    return f"{shown} and {len(factors) - _MOST_JUMPS} more" if len(factors) > _MOST_JUMPS else shown


def _about_volumes(raw: RawTable, sound: Columns) -> Sequence[str]:
    doubts = (volume_doubt(sound), doubt_about_name(raw.names[Role.VOLUME], sound))
    return [doubt for doubt in doubts if doubt is not None]


def _about_silent_bars(sound: Columns) -> Sequence[str]:
    """Say which bars of a file were added by whoever wrote it, such as ``driftline convert``."""
    if "n_trades" not in sound:
        return ()
    n_silent = int(((sound["n_trades"] == 0) & (sound["volume"] == 0)).sum())
    return (f"{counted(n_silent, 'bar')} of the file had no trade (n_trades 0)",) if n_silent else ()


def _about_holes(holes: Holes, sound: Columns, length: BarLength) -> Sequence[str]:
    sentences = []
    if holes.n_added:
        sentences.append(f"{counted(holes.n_added, 'bar')} without a trade were added at the close before")
    outages = ~holes.is_pause
    if outages.any():
        sentences.append(hole_sentence(holes, sound, length))
    return sentences


def hole_sentence(holes: Holes, sound: Columns, length: BarLength) -> str:
    """Return one sentence about the bars that are missing.

    Args:
        holes: What is missing between the bars.
        sound: The good rows, by time.
        length: Of the bars.
    """
    outages = np.flatnonzero(~holes.is_pause)
    n_missing = int(holes.n_missing[outages].sum())
    longest = outages[holes.n_missing[outages].argmax()]
    begin_ms = int(sound["start_ms"][holes.after[longest]]) + length.milliseconds
    end_ms = begin_ms + int(holes.n_missing[longest]) * length.milliseconds
    where = "which lasts" if len(outages) == 1 else "of which the longest lasts"
    is_short = holes.n_missing[outages] * length.milliseconds <= STATED_PAUSE_MS
    can_add = is_short.any() and length.milliseconds >= SHORTEST_ADDED_MS
    hint = "; if nothing was traded in short holes, say --no-trade-minutes 60" if can_add else ""
    return (
        f"{counted(n_missing, 'bar')} {'is' if n_missing == 1 else 'are'} missing in {counted(len(outages), 'hole')}, "
        f"{where} from {text_of_time(begin_ms, 'minute')} to {text_of_time(end_ms, 'minute')}: features need 65 bars "
        f"without a hole{hint}"
    )
