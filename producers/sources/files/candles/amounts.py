"""Reads columns of prices and volumes, however a file writes them; what is no number is NaN."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from producers.sources.files.candles.amount_texts import amount_of
from producers.sources.files.candles.arrays import floats, truths

Amounts = NDArray[np.float64]

_PLAIN = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


def amounts_of(column: pa.ChunkedArray, *, has_decimal_comma: bool = False) -> Amounts:
    """Return a column's numbers.

    Args:
        column: Numbers or text, such as ``63327.6``, ``28,420.3``, ``57.32K`` and ``$1.2e3``.
        has_decimal_comma: Whether text writes 63327,6 for a number with one decimal.

    Raises:
        TypeError: If the column's type is of no number and no text.
    """
    kind = column.type
    if pa.types.is_string(kind):
        return _of_text(column, has_decimal_comma=has_decimal_comma)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not is_number and not pa.types.is_null(kind):
        raise TypeError(str(kind))
    # Unsafe: of a whole number beyond 53 bits the nearest double is taken.
    return floats(column.cast(pa.float64(), safe=False))


def _of_text(column: pa.ChunkedArray, *, has_decimal_comma: bool) -> Amounts:
    if not has_decimal_comma:
        try:
            return floats(column.cast(pa.float64()))
        except pa.ArrowInvalid:
            pass
    is_plain = truths(pc.match_substring_regex(column, _PLAIN))
    if has_decimal_comma:
        # A point groups thousands where a comma begins the decimals, unless no comma stands there at all.
        is_plain &= ~truths(pc.match_substring_regex(column, r"\.\d{3}\s*$"))
    result = np.full(len(column), np.nan)
    plain = pc.utf8_trim_whitespace(column.filter(pa.array(is_plain)))
    result[is_plain] = floats(plain.cast(pa.float64()))
    others = column.filter(pa.array(~is_plain)).to_pylist()
    result[~is_plain] = [amount_of(text, has_decimal_comma=has_decimal_comma) for text in others]
    return result
