"""Shows a report: on a terminal, and as one HTML file with pictures."""

import html
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainers.evaluation.pages import figure, page, table
from trainers.evaluation.pictures import Measured, measured_bars, period_curves
from trainers.quality.assembling import span_words
from trainers.quality.reports import DataKind, QualityReport
from trainers.quality.tables import Rows, is_text, tables_of

_MOST_CURVES = 7
#: Tables of sentences, whose cells stand at the left and may be long.
_WORDY = frozenset({"What is open", "Sources", "Open gaps"})


def print_report(report: QualityReport, console: Console) -> None:
    """Print the tables of a report, and one sentence at the end.

    Args:
        report: The report.
        console: Where it is printed.
    """
    console.print(f"{report.title} ({report.stream}), {span_words(report)}", soft_wrap=True, markup=False)
    for rows in tables_of(report):
        console.print(_printed(rows))
    console.print(verdict(report), soft_wrap=True)


def _printed(rows: Rows) -> Table:
    shown = Table(title=rows.title, title_justify="left", show_header=any(rows.columns))
    for name in rows.columns:
        shown.add_column(name, justify="left" if is_text(name) else "right", overflow="fold")
    for row in rows.rows:
        shown.add_row(*map(Text, row))
    return shown


def verdict(report: QualityReport) -> str:
    """Return one sentence about a report."""
    closed = f" {report.n_gaps_closed:,} gaps were closed." if report.n_gaps_closed else ""
    if not report.findings:
        return f"Nothing is open.{closed}"
    n = len(report.findings)
    return f"{n:,} {'thing is' if n == 1 else 'things are'} open.{closed}"


def html_of(report: QualityReport) -> str:
    """Return the report as one HTML file without external resources."""
    return page(f"Data quality of {report.stream}", _parts(report))


def _parts(report: QualityReport) -> Iterator[str]:
    tables = list(tables_of(report))
    yield f"<h1>Data quality of {html.escape(report.title)}</h1><p>{html.escape(report.stream)}, {span_words(report)}</p>"
    if report.kind != "live":
        yield f'<p class="warning">This is no live run: its kind is {report.kind}.</p>'
    yield f'<p class="verdict">{html.escape(verdict(report))}</p>'
    pictures = "".join(_pictures(report))
    if pictures:
        yield f'<div class="pictures">{pictures}</div>'
    for rows in tables:
        yield table(rows.title, rows.columns, rows.rows, kind="facts" if rows.title in _WORDY else "")
    yield "<footer>driftline quality. Days are of UTC. Outliers may be true: they are counted, and nothing is done.</footer>"


def _pictures(report: QualityReport) -> Iterator[str]:
    yield figure(_completeness(report), "Bars that are there, of those that should be, by day.")
    yield figure(_targets(report), "Labelled rows without ties. A full bar is enough; there may be more.")
    yield figure(_flaws(report), "Rows that break a rule, outliers, and prices in quarantine, by day.")
    for data in (DataKind.TRADES, DataKind.QUOTES, DataKind.ARTICLES):
        yield figure(_volumes(report, data), f"{data.capitalize()} that are stored, by day.")


def _completeness(report: QualityReport) -> str:
    curves: dict[str, dict[str, float]] = {}
    for day in report.days:
        if day.data is DataKind.BARS and day.completeness is not None:
            curves.setdefault(day.instrument, {})[day.day] = round(100 * min(1, day.completeness), 3)
    return period_curves("Complete bars, %", dict(list(curves.items())[:_MOST_CURVES]))


def _volumes(report: QualityReport, data: DataKind) -> str:
    curves: dict[str, dict[str, float]] = {}
    for day in report.days:
        if day.data is data:
            curves.setdefault(day.instrument, {})[day.day] = float(day.n_rows)
    return period_curves(f"{data.capitalize()} a day", dict(list(curves.items())[:_MOST_CURVES]))


def _targets(report: QualityReport) -> str:
    shares = {
        each.target: Measured(round(min(100.0, 100.0 * each.n_rows / each.n_needed), 1))
        for each in report.targets
    }
    return measured_bars("Rows to train on, % of those that are needed", {"": shares}, is_lying=True)


def _flaws(report: QualityReport) -> str:
    curves: dict[str, dict[str, float]] = {"broken rules": {}, "outliers": {}, "in quarantine": {}}
    for day in report.days:
        for name, n in (
            ("broken rules", day.n_broken),
            ("outliers", day.n_outliers),
            ("in quarantine", day.n_quarantined),
        ):
            curves[name][day.day] = curves[name].get(day.day, 0.0) + n
    return period_curves("Flaws a day", curves)
