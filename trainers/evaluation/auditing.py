"""Audits: whether a feature knows the future or depends on where the data begin, and by how much.

Each check looks at every column at once, so that a whole feature set takes seconds:

- **truncation**: a value at t must be the same to the bit when all bars after t are removed;
- **known time**: no outcome may be known before it happened, and decision times must increase;
- **warm-up**: once a column says that it is warm, an earlier start of the data must not change it much.
  Recursive averages (Wilder's, exponential ones) are reported apart: by definition the past fades in them
  and never vanishes, so that some of the start is left after any warm-up. This **start-up** effect is
  expected, gets smaller with every bar, and is no knowledge of the future;
- **permutation**: by itself a column must not tell the direction better than honest features can, and
  with permuted labels it must tell nothing.

A stored data set has two more checks. **Given the others**, a column must not tell of the next return
what the others do not (:mod:`trainers.evaluation.conditioning`). If the bars are available, every column and
label is computed again and compared with the stored one (:mod:`trainers.evaluation.recomputing`).
"""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from stream_processors.features.bars import BarTable
from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.column_rules import LEAK_ALARM, accuracy_alone, accuracy_limit, permuted_in_blocks
from trainers.evaluation.conditioning import Conditional, conditional
from trainers.evaluation.recomputing import Recomputed, recomputed

#: Computes a table of features from bars; this is what an audit judges.
Compute = Callable[[BarTable], FeatureTable]

_LEAST_ROWS = 400


class AuditCheck(StrEnum):
    """The checks of an audit."""

    TRUNCATION = "truncation"
    KNOWN_TIME = "known time"
    WARM_UP = "warm-up"
    START_UP = "start-up"
    PERMUTATION = "permutation"
    CONDITIONAL = "given the others"
    RECOMPUTATION = "recomputation"


class AuditFinding(NamedTuple):
    """One finding of an audit; it is a fault unless it is a start-up effect.

    Attributes:
        column: The column; ``*`` for the table as a whole.
        amount: How large it is: the largest relative difference of values, or an accuracy itself.
        at_ms: The time of the first case or of the largest difference; None if it concerns all rows.
    """

    check: AuditCheck
    column: str
    amount: float
    at_ms: int | None
    explanation: str

    @property
    def is_expected(self) -> bool:
        """Whether the finding follows from the definition of the feature, so that there is nothing to repair."""
        return self.check is AuditCheck.START_UP


def truncation(compute: Compute, bars: BarTable, *, n_cuts: int = 8, n_rows: int = 32) -> list[AuditFinding]:
    """Columns whose past values change when later bars are removed.

    Args:
        compute: Computes the features.
        bars: Oldest first.
        n_cuts: The number of places at which the bars are cut off, evenly spread.
        n_rows: How many rows before each cut are compared.
    """
    whole = compute(bars)
    worst: dict[str, tuple[float, int]] = {}
    for cut in np.linspace(len(bars.start_ms) // 4, len(bars.start_ms) - 1, n_cuts).astype(int):
        shorter = compute(_part(bars, 0, int(cut)))
        rows = np.flatnonzero(np.isin(whole.as_of_ms, shorter.as_of_ms[-n_rows:]))
        _note(worst, whole, rows, whole.values[rows], shorter.values[-len(rows) :])
    return [
        AuditFinding(AuditCheck.TRUNCATION, name, amount, at_ms, "changes when the bars after it are removed")
        for name, (amount, at_ms) in worst.items()
    ]


def warm_up(
    compute: Compute,
    bars: BarTable,
    *,
    tolerance: float = 1e-6,
    n_starts: int = 8,
    recursive: Collection[str] = (),
) -> list[AuditFinding]:
    """Columns that say they are warm and yet depend on how many bars came before.

    Args:
        compute: Computes the features.
        bars: Oldest first.
        tolerance: The largest relative difference that is accepted.
        n_starts: The number of places at which the bars begin again, evenly spread.
        recursive: Columns that are declared as recursive: they remember every bar with falling weight.
    """
    whole = compute(bars)
    worst: dict[str, tuple[float, int]] = {}
    for start in np.linspace(1, len(bars.start_ms) // 2, n_starts).astype(int):
        later = compute(_part(bars, int(start), len(bars.start_ms)))
        warm = np.flatnonzero(later.is_warm)[:1]
        rows = np.flatnonzero(np.isin(whole.as_of_ms, later.as_of_ms[warm]))
        _note(worst, whole, rows, whole.values[rows], later.values[warm], either_missing=False)
    return [
        AuditFinding(
            AuditCheck.START_UP, name, amount, at_ms, "a recursive average: the start fades, never vanishes"
        )
        if name in recursive
        else AuditFinding(AuditCheck.WARM_UP, name, amount, at_ms, "depends on bars before its warm-up")
        for name, (amount, at_ms) in worst.items()
        if amount > tolerance
    ]


def _part(bars: BarTable, first: int, last: int) -> BarTable:
    return msgspec.structs.replace(
        bars,
        start_ms=bars.start_ms[first:last],
        rows=np.ascontiguousarray(bars.rows[first:last]),
        known_ms=bars.known_ms[first:last],
    )


def _note(
    worst: dict[str, tuple[float, int]],
    table: FeatureTable,
    rows: NDArray[np.int64],
    values: NDArray[np.float64],
    others: NDArray[np.float64],
    *,
    either_missing: bool = True,
) -> None:
    """Update the largest relative difference of each column, and its time."""
    missing = np.isnan(values) | np.isnan(others)
    scale = np.maximum(np.maximum(np.abs(values), np.abs(others)), 1e-12)
    with np.errstate(invalid="ignore"):
        difference = np.where(missing, 0.0, np.abs(values - others) / scale)
    if either_missing:
        difference[np.isnan(values) != np.isnan(others)] = 1.0
    for column in np.flatnonzero(difference.max(axis=0, initial=0.0) > 0):
        row = int(difference[:, column].argmax())
        amount = float(difference[row, column])
        name = table.names[column]
        if amount > worst.get(name, (0.0, 0))[0]:
            worst[name] = (amount, int(table.as_of_ms[rows[row]]))


def known_time(decisions: DecisionSet) -> list[AuditFinding]:
    """Labels that were known before they had happened, and decisions that are out of order."""
    findings = []
    if np.any(np.diff(decisions.as_of_ms) <= 0):
        at = int(decisions.as_of_ms[1:][np.diff(decisions.as_of_ms) <= 0][0])
        findings.append(AuditFinding(AuditCheck.KNOWN_TIME, "*", 1.0, at, "decision times must increase"))
    for multiple, forward_return in decisions.forward_returns.items():
        ends = decisions.as_of_ms + multiple * decisions.horizon.milliseconds
        early = (forward_return.known_ms >= 0) & (forward_return.known_ms < ends)
        if early.any():
            share = float(early.mean())
            explanation = f"the label over {multiple} horizons was known before it had happened"
            findings.append(
                AuditFinding(
                    AuditCheck.KNOWN_TIME, "*", share, int(decisions.as_of_ms[early][0]), explanation
                )
            )
    return findings


def permutation(
    decisions: DecisionSet, *, generator: np.random.Generator, alarm: float = LEAK_ALARM
) -> list[AuditFinding]:
    """Columns that by themselves tell the direction too well, or tell something of permuted labels.

    The rule of a column is learnt on the older half of the rows (the prevailing direction in each of twenty
    bins of equal count) and judged on the newer half. Weeks of labels are permuted and not single labels,
    so that what is slow in both stays slow.

    Args:
        decisions: Oldest first.
        generator: The source of randomness of the permutation.
        alarm: The accuracy above which a column is a leak until shown otherwise.
    """
    returns = decisions.own.log_return
    counted = np.flatnonzero(~np.isnan(returns) & (returns != 0))
    if len(counted) < _LEAST_ROWS:
        return []
    rows, is_up = decisions.rows[counted], returns[counted] > 0
    shuffled = permuted_in_blocks(is_up, block=max(1, len(is_up) // 60), generator=generator)
    limit = accuracy_limit(len(counted), alarm=0.5)
    findings = []
    for column, name in enumerate(decisions.names):
        accuracy, chance = (accuracy_alone(rows[:, column], labels) for labels in (is_up, shuffled))
        if accuracy > accuracy_limit(len(counted), alarm=alarm):
            explanation = "alone tells the direction better than honest features do"
            findings.append(AuditFinding(AuditCheck.PERMUTATION, name, accuracy, None, explanation))
        if chance > limit:
            explanation = "tells something of permuted labels: the check itself leaks"
            findings.append(AuditFinding(AuditCheck.PERMUTATION, name, chance, None, explanation))
    return findings


def given_others(decisions: DecisionSet) -> tuple[list[AuditFinding], Conditional | None]:
    """Columns that tell of the next return what the other columns do not, and the limits of the search."""
    return told_given(
        decisions.rows, decisions.names, decisions.own.log_return, np.empty((len(decisions), 0), np.float32)
    )


def told_given(
    columns: NDArray[np.float32],
    names: Sequence[str],
    returns: NDArray[np.float64],
    given: NDArray[np.float32],
) -> tuple[list[AuditFinding], Conditional | None]:
    """Columns that tell of the next return what honest columns and the other columns do not.

    Args:
        columns: The columns that are judged, shape (n, m).
        names: The names of these columns.
        returns: Over the horizon ahead, shape (n,).
        given: Columns that are known to be honest, shape (n, k).
    """
    found = conditional(columns, names, returns, given=given)
    if found is None:
        return [], None
    explanation = "tells of the next return what the other columns do not (partial rank correlation)"
    findings = [
        AuditFinding(AuditCheck.CONDITIONAL, name, abs(partial), None, explanation)
        for name, partial in found.partial.items()
        if abs(partial) > found.limit
    ]
    if found.together > found.together_limit:
        explanation = (
            "together the columns rank the next return better than honest ones do (rank correlation)"
        )
        findings.append(AuditFinding(AuditCheck.CONDITIONAL, "*", found.together, None, explanation))
    return findings, found


def remade(
    stored: DecisionSet, made: DecisionSet, *, tolerance: float
) -> tuple[list[AuditFinding], Recomputed]:
    """Columns and labels of a stored data set that differ from what the bars give.

    Args:
        stored: The data set that is judged.
        made: The same data set, computed from the bars.
        tolerance: The largest relative difference that rounding may leave.
    """
    found = recomputed(stored, made)
    findings = [
        AuditFinding(
            AuditCheck.RECOMPUTATION,
            one.column,
            one.largest,
            one.at_ms,
            f"the bars give other values in {one.n_rows:,} of {found.n_compared:,} rows",
        )
        for one in found.differences
        if one.largest > tolerance
    ]
    if found.n_unmatched:
        share = found.n_unmatched / len(stored)
        explanation = f"{found.n_unmatched:,} rows are at times at which the bars give none"
        findings.append(AuditFinding(AuditCheck.RECOMPUTATION, "*", share, None, explanation))
    return findings, found
