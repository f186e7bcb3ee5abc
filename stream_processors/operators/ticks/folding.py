"""The compiled fold: trades into the open bar of their instrument, until one needs a decision.

It does what :meth:`~stream_processors.operators.bars.BarBuilder.on_tick` does with a trade that
belongs to the open bar, comes late, or is a repeat, in the same order and so with the same
sums. It stops at everything else: a trade that closes a bar or starts a stretch, a watermark that
some bar or the clock of the stream waits for, a message that the scan did not know.
"""

import numpy as np
from numba import njit

from stream_processors.operators.ticks.scanning import (
    BOUGHT,
    EPOCH,
    EVENT_MS,
    FIRST_GROUP,
    ID_EPOCH,
    KNOWN_MS,
    PRICE,
    SIZE,
    TRADE_ID,
    UNKNOWN,
)

#: The columns stand in this file: numba compiles it anew when it changes, and not when another one does.
#: Columns of ``links``: for a key, its row, its group and how late its trades may come.
ROW, GROUP, LATENESS = range(3)
#: Columns of ``wholes``: whole numbers of an instrument. ``OF_GROUP`` is its source and stream, and the fields
#: from ``N_TRADES`` on describe the open bar that starts at ``NEXT_START``.
(
    IS_OPEN,
    IS_CHANGED,
    OF_GROUP,
    LENGTH,
    NEXT_START,
    JOINED,
    CLOSED_UNTIL,
    LAST_EPOCH,
    LAST_ID,
    N_LATE,
    N_REPEATED,
    N_UNBOUNDED,
    N_IN_RUN,
    N_TRADES,
    FIRST_MS,
    FIRST_TRADE_EPOCH,
    FIRST_TRADE,
    LAST_MS,
    LAST_TRADE_EPOCH,
    LAST_TRADE,
    KNOWN,
) = range(21)
#: Columns of ``reals``: the close of the bar before (NaN for none), prices and volumes of the open bar.
PREVIOUS_CLOSE, OPEN, HIGH, LOW, CLOSE, VOLUME, BUY_VOLUME = range(7)

N_WHOLES, N_REALS = KNOWN + 1, BUY_VOLUME + 1
NEVER_MS = 2**62


@njit(cache=True, nogil=True)
def _is_before(at, epoch, trade, other_at, other_epoch, other_trade):
    """Whether a trade comes before another one, by event time, then epoch and value of its id."""
    if at != other_at:
        return at < other_at
    return epoch < other_epoch or (epoch == other_epoch and trade < other_trade)


@njit(cache=True, nogil=True)
def _add(number, amount, whole, real):
    """Add a trade to the open bar. Trades are ordered by event time, then by the epoch and the value of the id."""
    at, epoch, trade, price = number[EVENT_MS], number[ID_EPOCH], number[TRADE_ID], amount[PRICE]
    if whole[N_TRADES] == 0:
        whole[FIRST_MS] = whole[LAST_MS] = at
        whole[FIRST_TRADE_EPOCH] = whole[LAST_TRADE_EPOCH] = epoch
        whole[FIRST_TRADE] = whole[LAST_TRADE] = trade
        whole[KNOWN] = number[KNOWN_MS]
        real[OPEN] = real[HIGH] = real[LOW] = real[CLOSE] = price
        real[VOLUME], real[BUY_VOLUME] = amount[SIZE], amount[BOUGHT]
    else:
        if _is_before(at, epoch, trade, whole[FIRST_MS], whole[FIRST_TRADE_EPOCH], whole[FIRST_TRADE]):
            whole[FIRST_MS], whole[FIRST_TRADE_EPOCH], whole[FIRST_TRADE], real[OPEN] = (
                at,
                epoch,
                trade,
                price,
            )
        if not _is_before(at, epoch, trade, whole[LAST_MS], whole[LAST_TRADE_EPOCH], whole[LAST_TRADE]):
            whole[LAST_MS], whole[LAST_TRADE_EPOCH], whole[LAST_TRADE], real[CLOSE] = at, epoch, trade, price
        real[HIGH] = max(real[HIGH], price)
        real[LOW] = min(real[LOW], price)
        real[VOLUME] += amount[SIZE]
        real[BUY_VOLUME] += amount[BOUGHT]
        whole[KNOWN] = max(whole[KNOWN], number[KNOWN_MS])
    whole[N_TRADES] += 1


@njit(cache=True, nogil=True)
def _takes(number, amount, link, whole, real, long_run):
    """Take a trade if that needs no decision, and return whether it was taken.

    The repeat that makes a run of repeats long needs a decision, and so does the trade that ends a long run.
    """
    if not whole[IS_OPEN] or whole[OF_GROUP] != link[GROUP]:
        return False
    at, epoch, trade, next_start = number[EVENT_MS], number[ID_EPOCH], number[TRADE_ID], whole[NEXT_START]
    if epoch < whole[LAST_EPOCH] or (epoch == whole[LAST_EPOCH] and trade <= whole[LAST_ID]):
        if whole[N_IN_RUN] + 1 == long_run:
            return False
        whole[IS_CHANGED] = 1
        whole[N_REPEATED] += 1
        whole[N_IN_RUN] += 1
        return True
    start = at - at % whole[LENGTH]
    if at - link[LATENESS] >= next_start + whole[LENGTH] or start > next_start:
        return False
    if whole[N_IN_RUN] >= long_run:
        return False
    whole[IS_CHANGED] = 1
    whole[LAST_EPOCH], whole[LAST_ID] = epoch, trade
    whole[N_IN_RUN] = 0
    if start < next_start:
        whole[N_LATE] += 1
    elif start < whole[JOINED]:
        whole[N_UNBOUNDED] += 1
    else:
        _add(number, amount, whole, real)
    return True


@njit(cache=True, nogil=True)
def fold(first, kinds, numbers, amounts, links, wholes, reals, acts_from, epochs, long_run):
    """Fold messages from ``first`` on. Returns the number of the first one that needs a decision, or of all."""
    for i in range(first, kinds.shape[0]):
        kind = kinds[i]
        if kind == UNKNOWN:
            return i
        if kind <= FIRST_GROUP:
            group = FIRST_GROUP - kind
            if numbers[i, EVENT_MS] >= acts_from[group] or numbers[i, EPOCH] != epochs[group]:
                return i
            continue
        row = links[kind, ROW]
        if row < 0 or not _takes(numbers[i], amounts[i], links[kind], wholes[row], reals[row], long_run):
            return i
    return kinds.shape[0]


@njit(cache=True, nogil=True)
def due_rows(wholes, n, group, watermark):
    """The rows of a group whose bar ends by a watermark."""
    found = np.empty(n, np.int64)
    n_found = 0
    for row in range(n):
        whole = wholes[row]
        if whole[OF_GROUP] == group and whole[IS_OPEN] and whole[NEXT_START] + whole[LENGTH] <= watermark:
            found[n_found] = row
            n_found += 1
    return found[:n_found]


@njit(cache=True, nogil=True)
def outlook_of(wholes, n, group):
    """The shortest bar of a group's rows, and when the first of their open bars ends."""
    shortest, earliest = NEVER_MS, NEVER_MS
    for row in range(n):
        whole = wholes[row]
        if whole[OF_GROUP] == group:
            shortest = min(shortest, whole[LENGTH])
            if whole[IS_OPEN]:
                earliest = min(earliest, whole[NEXT_START] + whole[LENGTH])
    return shortest, earliest
