"""Two-level tables: sums, maxima and moments over windows of bars, in a few operations for each bar.

A running sum would accumulate rounding and would keep one undefined value for ever, and adding up every
window anew would cost a pass over it. So bars lie in blocks of :data:`BLOCK`. The blocks are aligned to the
calendar (bar number = end divided by length), so where a block begins does not depend on where the data
begin::

    bars      ... a b c|d e f g|h i j k|l m     a window from c to m is
    suffix        - - c|        |       |        the sum of its oldest block from c on,
    closed            |d e f g h i j k |        plus the sum of the closed blocks between,
    prefix            |                |l m     plus the sum of the newest block up to now

A ring holds the values of the newest block and, in place of the values of closed blocks, their suffix sums.
The result depends on the window's own bars alone, to the bit, whatever lies before them.

A missing bar is NaN, and so is every window that contains it. Maxima are the exception: their reader counts
the bars.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stream_processors.features.compiling import NAN, fill, inlined

#: How many bars a block has.
BLOCK = 12


class WindowTable(NamedTuple):
    """The compiled functions of one table.

    Attributes:
        size: How many numbers of the state the table takes.
        clear: ``clear(table)`` makes the table empty.
        push: ``push(table, number, row)`` takes the bar of that number in; the numbers count up by one.
        window: ``window(table, number, length, out)`` writes the result of the last ``length`` bars. For
            sums it is ``window(table, number, length, columns, out)``, with the first column and the one
            after the last.
    """

    size: int
    clear: Callable[..., Any]
    push: Callable[..., Any]
    window: Callable[..., Any]


@inlined
def _copy(table, to, row, width):
    """Copy a row; offsets are unsigned here and below, because numba checks signed ones for negative indexes."""
    for i in range(width):
        q = np.uint64(i)
        table[np.uint64(to) + q] = row[q]


@inlined
def _add(table, to, row, width):
    for i in range(width):
        q = np.uint64(i)
        table[np.uint64(to) + q] += row[q]


@inlined
def _add_within(table, to, a, b, width):
    for i in range(width):
        q = np.uint64(i)
        table[np.uint64(to) + q] = table[np.uint64(a) + q] + table[np.uint64(b) + q]


def sum_table(*, capacity: int, width: int) -> WindowTable:
    """Make a table of sums.

    Args:
        capacity: The longest window in bars, a multiple of a block.
        width: How many quantities are summed.
    """
    closed = capacity * width
    prefix = closed + capacity // BLOCK * width

    @inlined
    def clear(table):
        fill(table, NAN)
        fill(table[closed : closed + width], 0.0)

    @inlined
    def close(table, number):
        first = (number - BLOCK) % capacity * width
        for i in range(BLOCK - 2, -1, -1):
            here = first + i * width
            _add_within(table, here, here, here + width, width)
        for k in range(1, capacity // BLOCK):
            block = (number - k * BLOCK) % capacity * width
            _add_within(table, closed + k * width, closed + (k - 1) * width, block, width)

    @inlined
    def push(table, number, row):
        if number % BLOCK == 0:
            close(table, number)
            _copy(table, prefix, row, width)
        else:
            _add(table, prefix, row, width)
        _copy(table, number % capacity * width, row, width)

    @inlined
    def window(table, number, length, columns, out):
        oldest = number - length + 1
        first = oldest % capacity * width
        n_between = number // BLOCK - oldest // BLOCK - 1
        between = closed + n_between * width
        for column in range(columns[0], columns[1]):
            if length > BLOCK or n_between >= 0:
                out[column] = table[first + column] + table[between + column] + table[prefix + column]
            else:
                total = table[first + column]
                for i in range(1, length):
                    total += table[first + i * width + column]
                out[column] = total

    return WindowTable(prefix + width, clear, push, window)


def maximum_table(*, capacity: int, width: int) -> WindowTable:
    """Make a table of maxima over windows longer than a block; the result of a window that is not full is void.

    Args:
        capacity: The longest window in bars, a multiple of a block.
        width: How many quantities are compared.
    """
    closed = capacity * width
    prefix = closed + capacity // BLOCK * width

    @inlined
    def clear(table):
        fill(table, -math.inf)

    @inlined
    def close(table, number):
        first = (number - BLOCK) % capacity * width
        for i in range((BLOCK - 1) * width - 1, -1, -1):
            table[first + i] = max(table[first + i], table[first + i + width])
        for k in range(1, capacity // BLOCK):
            block = (number - k * BLOCK) % capacity * width
            for q in range(width):
                table[closed + k * width + q] = max(table[closed + (k - 1) * width + q], table[block + q])

    @inlined
    def push(table, number, row):
        is_new = number % BLOCK == 0
        if is_new:
            close(table, number)
        slot = number % capacity * width
        for q in range(width):
            table[slot + q] = row[q]
            table[prefix + q] = row[q] if is_new else max(table[prefix + q], row[q])

    @inlined
    def window(table, number, length, out):
        oldest = number - length + 1
        slot = oldest % capacity * width
        between = closed + (number // BLOCK - oldest // BLOCK - 1) * width
        for q in range(width):
            out[q] = max(table[slot + q], table[between + q], table[prefix + q])

    return WindowTable(prefix + width, clear, push, window)


@inlined
def _merge(mean, square, n, other_mean, other_square, n_other):
    """Return mean and sum of squared deviations of two samples together; Chan, Golub and LeVeque (1979)."""
    apart = other_mean - mean
    share = n_other / (n + n_other)
    return mean + apart * share, square + other_square + apart * apart * (n * share)


def moment_table(*, capacity: int) -> WindowTable:
    """Make a table of the mean and the sum of squared deviations of one quantity over windows longer than a block.

    Moments are merged and not subtracted, so equal values have exactly their value as mean and a deviation of
    zero.

    Args:
        capacity: The longest window in bars, a multiple of a block.
    """
    closed = capacity * 2
    prefix = closed + capacity // BLOCK * 2

    @inlined
    def clear(table):
        fill(table, NAN)
        fill(table[closed : closed + 2], 0.0)

    @inlined
    def close(table, number):
        first = (number - BLOCK) % capacity * 2
        mean, square = table[first + (BLOCK - 1) * 2], 0.0
        for i in range(BLOCK - 2, -1, -1):
            mean, square = _merge(mean, square, float(BLOCK - 1 - i), table[first + i * 2], 0.0, 1.0)
            table[first + i * 2] = mean
            table[first + i * 2 + 1] = square
        for k in range(1, capacity // BLOCK):
            if k > 1:
                block = (number - k * BLOCK) % capacity * 2
                mean, square = _merge(
                    mean, square, float((k - 1) * BLOCK), table[block], table[block + 1], float(BLOCK)
                )
            table[closed + k * 2] = mean
            table[closed + k * 2 + 1] = square

    @inlined
    def push(table, number, value):
        position = number % BLOCK
        if position == 0:
            close(table, number)
            table[prefix] = value
            table[prefix + 1] = 0.0
        else:
            mean, square = _merge(table[prefix], table[prefix + 1], float(position), value, 0.0, 1.0)
            table[prefix] = mean
            table[prefix + 1] = square
        slot = number % capacity * 2
        table[slot] = value
        table[slot + 1] = 0.0

    @inlined
    def window(table, number, length, out):
        oldest = number - length + 1
        slot = oldest % capacity * 2
        n_between = number // BLOCK - oldest // BLOCK - 1
        between = closed + n_between * 2
        n_newest, n_closed = float(number % BLOCK + 1), float(n_between * BLOCK)
        first = table[slot]
        newest, middle = table[prefix] - first, table[between] - first
        off = (n_newest * newest + n_closed * middle) * (1.0 / length)
        from_newest, from_middle = newest - off, middle - off
        square = table[slot + 1] + table[prefix + 1] + table[between + 1]
        square += float(BLOCK - oldest % BLOCK) * off * off
        square += n_newest * from_newest * from_newest + n_closed * from_middle * from_middle
        out[0] = first + off
        out[1] = square

    return WindowTable(prefix + 2, clear, push, window)
