"""The job of ``driftline audit``: it audits registered features on a file, or a stored data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from rich.table import Table

from producers.sources.files.forms import ReadRequest
from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.time import Interval, Length, text_of_time
from stream_processors.features.bars import BarTable
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.stored import DatasetManifest
from trainers.evaluation.auditing import (
    AuditFinding,
    Compute,
    given_others,
    known_time,
    permutation,
    remade,
    told_given,
    truncation,
    warm_up,
)
from trainers.evaluation.column_rules import accuracy_limit
from trainers.evaluation.conditioning import LEAST_ROWS, Conditional
from trainers.evaluation.recomputing import Difference, Recomputed
from trainers.inputs.bar_files import read_bars
from trainers.inputs.dataset_files import load, manifest_at, source_hash
from trainers.inputs.evaluation_files import EvaluationFiles, decisions_like

#: The number of newest bars that are audited. It is bounded because every cut computes the features again.
_MOST_BARS = 40_000
_MOST_NAMED = 5
#: Features whose declared memory has no end.
_RECURSIVE = frozenset(feature.name for feature in SPEC.features if feature.memory_bars == 0)
#: The caption of the table of these features.
START_UP = (
    "Recursive averages (Wilder's and exponential averages) remember every bar with falling weight, so the beginning of "
    "the data still shows at the end of their warm-up. This is expected and fades; it is no knowledge of the future."
)


class AuditResult(NamedTuple):
    """The result of an audit.

    Attributes:
        findings: What was found.
        notes: What the audit could have found, and what else is to be known of it, a sentence each.
    """

    findings: list[AuditFinding]
    notes: list[str]


def audited_features(
    path: Path,
    *,
    interval: Length | None,
    names: Sequence[str] = (),
    compute: Compute = compute_table,
    tolerance: float = 1e-6,
    reading: ReadRequest | None = None,
) -> AuditResult:
    """Runs all checks of features on a file of candles.

    Args:
        path: The file.
        interval: The interval of the bars; None takes the file's.
        names: The features to audit; an empty sequence audits all.
        compute: The function that computes the features.
        tolerance: The relative difference that the warm-up check allows.
        reading: What the file cannot tell; None knows the wall clock alone.

    Raises:
        ConfigurationError: If the file cannot be used, or a name is unknown.
    """
    file = read_bars(path, reading)
    interval = interval or file.interval
    rolled_up = file.rolled_up(interval)
    bars = _newest(rolled_up)
    chosen = _choosing(compute, names)
    decisions = decision_set(chosen(bars), file.prices(), interval=interval, horizon=interval)
    findings = [
        *truncation(chosen, bars),
        *warm_up(chosen, bars, tolerance=tolerance, recursive=_RECURSIVE),
        *known_time(decisions),
        *permutation(decisions, generator=np.random.default_rng(0)),
    ]
    exact = "a value that changes when later bars are removed is found at every audited bar, however little it tells"
    return AuditResult(findings, [exact, _strength_alone(decisions)])


def audited_dataset(
    manifest: Path,
    *,
    files: EvaluationFiles | None = None,
    also: tuple[Interval, ...] = (),
    tolerance: float = 1e-6,
) -> AuditResult:
    """Runs the checks that a stored data set allows, and those that its files allow where they are given.

    Args:
        manifest: The manifest of the data set.
        files: The files that it was made of; None if they are not at hand.
        also: Further intervals whose features it has.
        tolerance: The largest relative difference that rounding may leave.

    Raises:
        ConfigurationError: If a file cannot be used.
        StateError: If the data set is not what its manifest states.
    """
    decisions = load(manifest)
    alone = [*known_time(decisions), *permutation(decisions, generator=np.random.default_rng(0))]
    notes = [_strength_alone(decisions)]
    if files is None:
        found, conditional = given_others(decisions)
        notes.append(_strength_given(conditional, "the other columns"))
        notes.append(
            "with --bars every column that the bars give is computed again, and any difference is found"
        )
        return AuditResult([*alone, *found], notes)
    notes += _other_sources(manifest_at(manifest), files)
    prepared = decisions_like(decisions, files, also=also)
    notes += prepared.warnings
    differing, again = remade(decisions, prepared.decisions, tolerance=tolerance)
    notes += _words_of(again, n_differing=len(differing), tolerance=tolerance)
    unknown = [decisions.names.index(name) for name in again.unknown]
    told, conditional = told_given(
        decisions.rows[again.rows][:, unknown],
        again.unknown,
        decisions.own.log_return[again.rows],
        again.given,
    )
    if again.unknown:
        notes.append(_strength_given(conditional, "the columns that the bars give"))
    return AuditResult([*alone, *differing, *told], notes)


def _strength_alone(decisions: DecisionSet) -> str:
    returns = decisions.own.log_return
    n = int((~np.isnan(returns) & (returns != 0)).sum())
    if n < LEAST_ROWS:
        return f"{n:,} rows with an outcome are too few to find a leak, {LEAST_ROWS} are needed"
    return (
        f"with these {n:,} rows, a column is found if it alone tells the direction right in at least "
        f"{accuracy_limit(n):.1%} of them"
    )


def _strength_given(found: Conditional | None, others: str) -> str:
    if found is None:
        return f"given {others}, so few rows tell nothing"
    name = max(found.partial, key=lambda one: abs(found.partial[one]))
    return (
        f"given {others} and with these {found.n:,} rows, a column is found if its partial rank correlation with the "
        f"next return is {found.limit:.3f} or more (the largest is {abs(found.partial[name]):.3f}, of {name}); all columns "
        f"together are found from a rank correlation of {found.together_limit:.3f} on (it is {found.together:.3f})"
    )


def _words_of(again: Recomputed, *, n_differing: int, tolerance: float) -> list[str]:
    words = [
        f"{again.n_compared:,} rows were computed again: {n_differing} columns or labels differ by more than {tolerance:g}"
    ]
    rounded = [one for one in again.differences if one.largest <= tolerance]
    if rounded:
        largest = max(one.largest for one in rounded)
        words.append(
            f"{len(rounded)} columns differ in their last digits, by {largest:.1g} at most: {_few(rounded)}"
        )
    if again.n_left_out:
        words.append(
            f"the bars give {again.n_left_out:,} rows between the first and the last row of the data set that it lacks"
        )
    if again.unknown:
        words.append(
            f"{len(again.unknown)} columns cannot be computed from these files, and are judged only by what they tell "
            f"of the next return: {', '.join(again.unknown)}"
        )
    return words


def _few(differences: Sequence[Difference]) -> str:
    names = [one.column for one in differences]
    return ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )


def _other_sources(manifest: DatasetManifest, files: EvaluationFiles) -> list[str]:
    """Names the files that differ from those that the data set was made of."""
    other = [
        name
        for name, path in files.given().items()
        if name in manifest.sources and source_hash(path) != manifest.sources[name]
    ]
    return (
        [
            f"{', '.join(other)} is not the file that the data set was made of; values may differ for this reason"
        ]
        if other
        else []
    )


def _newest(bars: BarTable) -> BarTable:
    return msgspec.structs.replace(
        bars,
        start_ms=bars.start_ms[-_MOST_BARS:],
        rows=bars.rows[-_MOST_BARS:].copy(),
        known_ms=bars.known_ms[-_MOST_BARS:],
    )


def _choosing(compute: Compute, names: Sequence[str]) -> Compute:
    if not names:
        return compute

    def chosen(bars: BarTable) -> FeatureTable:
        table = compute(bars)
        unknown = set(names) - set(table.names)
        if unknown:
            message = f"--feature must be a registered feature, was {', '.join(sorted(unknown))}"
            raise ConfigurationError(message)
        columns = [table.names.index(name) for name in names]
        return msgspec.structs.replace(table, names=tuple(names), values=table.values[:, columns])

    return chosen


def findings_tables(findings: Sequence[AuditFinding]) -> list[Table]:
    """Makes a table of what is wrong, where and by how much, and one of what is expected of recursive averages."""
    wrong = [finding for finding in findings if not finding.is_expected]
    expected = [finding for finding in findings if finding.is_expected]
    title = f"audit: {len(wrong)} findings" if wrong else "audit: nothing found that leaks"
    tables = [_table(title, wrong)]
    if expected:
        tables.append(_table(f"expected: start-up of {len(expected)} recursive averages", expected, START_UP))
    return tables


def _table(title: str, findings: Sequence[AuditFinding], caption: str | None = None) -> Table:
    table = Table(title=title, caption=caption)
    for column in ("check", "column", "by how much", "first seen / worst at", "what"):
        table.add_column(column)
    for finding in sorted(findings, key=lambda one: (one.check, -one.amount)):
        at = "-" if finding.at_ms is None else text_of_time(finding.at_ms, "minute")
        table.add_row(finding.check, finding.column, f"{finding.amount:.3g}", at, finding.explanation)
    return table
