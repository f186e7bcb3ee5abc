"""Rows of an answer that cannot be read: one bad row is left out and reported, and must not stop a backfill."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec

from schemas.errors import ContractError

_LONGEST_RAW = 2_000

_Row = TypeVar("_Row")
_Read = TypeVar("_Read")


class RejectedRow(NamedTuple):
    """A row that was left out.

    Attributes:
        reason: One sentence.
        raw: The row as JSON, at most 2,000 bytes of it.
    """

    reason: str
    raw: bytes


def good_rows(
    rows: Iterable[_Row], read: Callable[[_Row], _Read], rejected: list[RejectedRow] | None
) -> list[_Read]:
    """Read each row, and leave out those that cannot be read.

    Args:
        rows: Of one answer, as JSON values.
        read: Returns what one row says, or raises a ContractError.
        rejected: Gets the rows that are left out; None if none may be.

    Raises:
        ContractError: Of the first bad row, if none may be left out or all rows are bad: then the answer has another form.
    """
    good: list[_Read] = []
    bad: list[tuple[_Row, ContractError]] = []
    for row in rows:
        try:
            good.append(read(row))
        except ContractError as error:
            if rejected is None:
                raise
            bad.append((row, error))
    if bad and not good:
        raise bad[0][1]
    if rejected is not None:
        rejected.extend(
            RejectedRow(str(error), msgspec.json.encode(row)[:_LONGEST_RAW]) for row, error in bad
        )
    return good
