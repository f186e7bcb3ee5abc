"""How a recorder works. It stands apart, so that reading the settings does not import pyarrow."""

from typing import NamedTuple


class RecorderOptions(NamedTuple):
    """How a recorder works.

    Attributes:
        flush_s: So often rows are written; what a kill may cost.
        rows_of_part: So many rows of a kind are written at once, without waiting for the time.
        most_rows: While so many rows wait for the disk, further ones are let go.
    """

    flush_s: float = 60.0
    rows_of_part: int = 50_000
    most_rows: int = 500_000
