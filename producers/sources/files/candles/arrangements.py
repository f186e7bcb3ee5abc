"""Tells the columns of a table without a header apart by its numbers.

The highest of four prices is the high and the lowest is the low. Of the two that are left, the close is the
one that the next bar opens at. Exchanges write their columns in different orders: most as open, high, low,
close; Coinbase as low, high, open, close; KuCoin as open, close, high, low.
"""

import math
from collections.abc import Sequence
from itertools import pairwise, permutations

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import PRICE_ROLES, Headings

_LEAST_SHARE = 0.9
_USUAL = (
    (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE),
    (Role.LOW, Role.HIGH, Role.OPEN, Role.CLOSE),
    (Role.OPEN, Role.CLOSE, Role.HIGH, Role.LOW),
)
_ORDERS = (*_USUAL, *(order for order in permutations(PRICE_ROLES) if order not in _USUAL))
_KLINES = (
    Role.CLOSE_TIME,
    Role.QUOTE_VOLUME,
    Role.N_TRADES,
    Role.TAKER_BUY_VOLUME,
    Role.TAKER_BUY_QUOTE_VOLUME,
)
_LARGEST_RATIO = 4
_FAR_BETTER = 0.3
_EPOCH_FROM = 10**9

Row = Sequence[float]


def arrangement_of(rows: Sequence[Row], first: int) -> Headings | None:
    """Return which column means what, or None if the numbers are no candles.

    Args:
        rows: The numbers of the first rows by time; what is no number is NaN.
        first: The number of the first column of prices; the columns before it are times and names.

    Returns:
        The roles of the prices and of what follows them; the times are left to the caller.
    """
    width = max((len(row) for row in rows), default=0)
    whole = [row for row in rows if len(row) == width and not any(map(math.isnan, row[first : first + 4]))]
    if width < first + 5 or not whole:
        return None
    fits = [(*_fit(whole, first, order), order) for order in _ORDERS]
    most = max(share for share, _, _ in fits)
    if most < _LEAST_SHARE or not _are_prices(whole, first):
        return None
    order = _likeliest([(apart, order) for share, apart, order in fits if share == most])
    prices = {role: first + i for i, role in enumerate(order)}
    return Headings({**prices, **_others(whole, first + 4, prices)})


def _are_prices(rows: Sequence[Row], first: int) -> bool:
    """Whether four numbers of a row are of one size, as the prices of a bar are."""
    alike = sum(
        0 < max(row[first : first + 4]) <= _LARGEST_RATIO * min(row[first : first + 4]) for row in rows
    )
    return alike >= _LEAST_SHARE * len(rows)


def _likeliest(fits: Sequence[tuple[float, Sequence[Role]]]) -> Sequence[Role]:
    """The order whose closes meet the next opens; a usual order unless another one fits far better."""
    usual = min((fit for fit in fits if fit[1] in _USUAL), key=lambda fit: fit[0], default=None)
    best = min(fits, key=lambda fit: fit[0])
    return (best if usual is None or best[0] < _FAR_BETTER * usual[0] else usual)[1]


def _fit(rows: Sequence[Row], first: int, order: Sequence[Role]) -> tuple[float, float]:
    """The share of rows that an order makes sound, and how far the closes are from the next opens."""
    at = {role: first + i for i, role in enumerate(order)}
    o, h, low, c = (at[role] for role in PRICE_ROLES)
    sound = sum(row[low] <= min(row[o], row[c]) and max(row[o], row[c]) <= row[h] for row in rows)
    apart = sum(abs(later[o] - earlier[c]) for earlier, later in pairwise(rows))
    return sound / len(rows), round(apart, 9)


def _others(rows: Sequence[Row], begin: int, prices: dict[Role, int]) -> dict[Role, int]:
    """What stands after the prices: the volume, and what an exchange adds to it."""
    width = len(rows[0])
    if width >= begin + len(_KLINES) + 1 and all(row[begin + 1] >= _EPOCH_FROM for row in rows):
        return {Role.VOLUME: begin} | {role: begin + 1 + i for i, role in enumerate(_KLINES)}
    has_average = width > begin + 1 and _lies_within(rows, begin, prices)
    volume = begin + 1 if has_average else begin
    if width <= volume + 1:
        return {Role.VOLUME: volume}
    is_count = all(math.isnan(row[volume + 1]) or row[volume + 1].is_integer() for row in rows)
    return {Role.VOLUME: volume, Role.N_TRADES if is_count else Role.QUOTE_VOLUME: volume + 1}


def _lies_within(rows: Sequence[Row], column: int, prices: dict[Role, int]) -> bool:
    """Whether a column is an average price, as Kraken's answers have one before the volume."""
    inside = sum(row[prices[Role.LOW]] <= row[column] <= row[prices[Role.HIGH]] for row in rows)
    zero = sum(row[column] == 0 for row in rows)
    return inside + zero >= _LEAST_SHARE * len(rows) and inside > 0
