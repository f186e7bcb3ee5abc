"""Says how many rows of a feature table are incomplete because bars are missing between others. Pure.

A feature that looks back over n bars is undefined until n bars in succession are there, so one missing bar
leaves the rows of a whole warm-up without complete features. Who reads that a target has too few rows to be
trained on must learn that holes are the cause, and not the length of the history.
"""

import numpy as np

from schemas.features import FeatureTable


def hole_words(table: FeatureTable, *, interval_ms: int) -> str | None:
    """Return a sentence about the holes between the bars of a table; None if there are none.

    Args:
        table: The rows of one instrument, oldest first, those that are not warm included.
        interval_ms: The length of a bar.
    """
    n_holes = int((np.diff(table.as_of_ms) > interval_ms).sum())
    n_incomplete = int((~table.is_warm).sum())
    if not n_holes or not n_incomplete:
        return None
    return (
        f"{n_holes:,} holes between its bars are a cause: {n_incomplete:,} of {len(table.as_of_ms):,} rows have no "
        "complete features. If nothing was traded in short holes, NO_TRADE=60 (--no-trade-minutes 60) reads them so"
    )
