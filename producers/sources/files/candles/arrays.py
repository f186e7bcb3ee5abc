"""Columns of pyarrow as arrays of numpy, without pyarrow's own conversion.

That conversion imports pandas, which takes longer than a year of minutes does to be read.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.frames import MISSING_TIME


def integers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a column of 64-bit whole numbers; a missing one is :data:`~schemas.frames.MISSING_TIME`."""
    return _array(column, np.dtype(np.int64), MISSING_TIME)


def floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return a column of 64-bit floats; a missing one is NaN."""
    return _array(column, np.dtype(np.float64), float("nan"))


def truths(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return a column of truths; a missing one is false."""
    return _array(column.cast(pa.int8()), np.dtype(np.int8), 0).astype(np.bool_)


def _array(column: pa.ChunkedArray, kind: np.dtype[Any], missing: float) -> NDArray[Any]:
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [_part(chunk, kind, missing) for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _part(chunk: pa.Array, kind: np.dtype[Any], missing: float) -> NDArray[Any]:
    validity, values = chunk.buffers()
    stretch = slice(chunk.offset, chunk.offset + len(chunk))
    found = np.frombuffer(values, dtype=kind)[stretch]
    if not chunk.null_count:
        return found
    bits = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")
    return np.where(bits[stretch], found, np.array(missing, dtype=kind))
