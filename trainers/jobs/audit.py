"""The job behind ``driftline audit``: registered features on a file, or a stored data set."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.table import Table

from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.bars import BarTable
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from trainers.datasets.decisions import decision_set
from trainers.evaluation.auditing import Compute, Finding, known_time, permutation, truncation, warm_up
from trainers.jobs.bar_files import read_bars
from trainers.jobs.dataset_files import load
from trainers.jobs.tables import utc

#: So many of the newest bars are audited: every cut computes the features anew.
_MOST_BARS = 40_000
#: Features whose memory is declared to have no end.
_RECURSIVE = frozenset(feature.name for feature in SPEC.features if feature.memory_bars == 0)
#: Of the table of those.
START_UP = (
    "Recursive averages (Wilder's, exponential ones) remember every bar, ever less of it: where the data begin "
    "still shows at the end of their warm-up. That is expected and fades; it is no knowledge of the future."
)


def audited_features(
    path: Path,
    *,
    interval: Interval | None,
    names: Sequence[str] = (),
    compute: Compute = compute_table,
    tolerance: float = 1e-6,
) -> list[Finding]:
    """All four checks on features of a file of candles.

    Args:
        path: The file.
        interval: Of the bars; None takes the file's.
        names: The features to look at; none looks at all.
        compute: What makes them.
        tolerance: Of the warm-up check, relative.

    Raises:
        ConfigurationError: If the file does not do, or a name is unknown.
    """
    file = read_bars(path)
    interval = interval or file.interval
    bars = _newest(file.rolled_up(interval))
    chosen = _choosing(compute, names)
    decisions = decision_set(chosen(bars), file.prices(), interval=interval, horizon=interval)
    return [
        *truncation(chosen, bars),
        *warm_up(chosen, bars, tolerance=tolerance, recursive=_RECURSIVE),
        *known_time(decisions),
        *permutation(decisions, generator=np.random.default_rng(0)),
    ]


def audited_dataset(manifest: Path) -> list[Finding]:
    """The checks that a stored data set allows: known time, and permutation."""
    decisions = load(manifest)
    return [*known_time(decisions), *permutation(decisions, generator=np.random.default_rng(0))]


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


def findings_tables(findings: Sequence[Finding]) -> list[Table]:
    """What is wrong, where, and by how much; then, apart, what is expected of recursive averages."""
    wrong = [finding for finding in findings if not finding.is_expected]
    expected = [finding for finding in findings if finding.is_expected]
    title = f"audit: {len(wrong)} findings" if wrong else "audit: nothing found that leaks"
    tables = [_table(title, wrong)]
    if expected:
        tables.append(_table(f"expected: start-up of {len(expected)} recursive averages", expected, START_UP))
    return tables


def _table(title: str, findings: Sequence[Finding], caption: str | None = None) -> Table:
    table = Table(title=title, caption=caption)
    for column in ("check", "column", "by how much", "first seen / worst at", "what"):
        table.add_column(column)
    for finding in sorted(findings, key=lambda one: (one.check, -one.amount)):
        at = "-" if finding.at_ms is None else utc(finding.at_ms)
        table.add_row(finding.check, finding.column, f"{finding.amount:.3g}", at, finding.explanation)
    return table
