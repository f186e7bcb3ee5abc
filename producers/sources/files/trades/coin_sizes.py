"""Tells whether sizes count coins or money: by a column beside them, and by what a usual trade is worth."""

import math
from collections.abc import Sequence

#: Further names of sizes in coins, where a column beside them counts money.
SIZES_BESIDE = ("base_qty", "base_volume", "base_amount", "base_size", "coins", "btc", "baseqty")
_FEWEST_ROWS, _MOSTLY = 5, 0.9
_ROUNDING, _CENT = 0.001, 0.01
#: Currencies of which a usual trade is worth less than this many, on every exchange.
_LIKE_DOLLARS = frozenset(
    ["USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "EUR", "GBP", "CHF", "AUD", "CAD"]
)
_MOST_WORTH = 250_000


def size_in_coins(size: int, price: int, others: Sequence[int], rows: Sequence[Sequence[str]]) -> int:
    """Return the column of the sizes in coins: another one, if the size is that one times the price.

    Args:
        size: The column whose name is the best one.
        price: The column of the prices.
        others: Columns whose names may be sizes as well.
        rows: The first rows.
    """
    for other in others:
        at = max(size, price, other)
        agree = [_is_product(row[size], row[price], row[other]) for row in rows if len(row) > at]
        if other != size and len(agree) >= _FEWEST_ROWS and sum(agree) >= _MOSTLY * len(agree):
            return other
    return size


def _is_product(money: str, price: str, coins: str) -> bool:
    """Whether money is a price times coins, but for what was rounded."""
    try:
        expected = abs(float(price) * float(coins))
        return expected > 0 and math.isclose(abs(float(money)), expected, rel_tol=_ROUNDING, abs_tol=_CENT)
    except ValueError:
        return False


def doubt_about_sizes(worth: float, *, quote: str, spot: str, perpetual: str) -> str | None:
    """Return a sentence if a usual trade is worth more than trades are, so that its size may count money.

    Args:
        worth: What the median trade is worth, if its size counts coins.
        quote: The currency.
        spot: The instrument, if the sizes are coins.
        perpetual: The instrument, if they are contracts.
    """
    if quote not in _LIKE_DOLLARS or worth <= _MOST_WORTH:
        return None
    return (
        f"half of the trades are worth more than {worth:,.0f} {quote} if their sizes are coins, which is more than trades "
        f"are: sizes that count money must be divided by the price first; INSTRUMENT={spot} says that they are coins, and "
        f"INSTRUMENT={perpetual} that they are contracts"
    )
