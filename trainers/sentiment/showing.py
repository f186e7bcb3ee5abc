"""Shows a comparison of scorers: on a terminal, and as one HTML file with pictures."""

import html
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainers.evaluation.pages import figure, page, table
from trainers.evaluation.pictures import Axes, Curve, Measured, curves, measured_bars
from trainers.sentiment.reports import Figure, ScorerComparison
from trainers.sentiment.tables import Rows, tables_of

_LICENCE = (
    "Financial PhraseBank has a non-commercial licence (CC BY-NC-SA 3.0): measure with it, and ship nothing that was "
    "trained on it."
)


def print_comparison(report: ScorerComparison, console: Console) -> None:
    """Print the tables of a comparison.

    Args:
        report: The comparison.
        console: Where it is printed.
    """
    for rows in tables_of(report):
        console.print(printed(rows))


def printed(rows: Rows) -> Table:
    """A table for a terminal."""
    shown = Table(title=rows.title, title_justify="left", show_header=any(rows.columns))
    for number, name in enumerate(rows.columns):
        is_text = rows.is_wordy or number == 0
        shown.add_column(name, justify="left" if is_text else "right", overflow="fold")
    for row in rows.rows:
        shown.add_row(*map(Text, row))
    return shown


def html_of(report: ScorerComparison) -> str:
    """Return the comparison as one HTML file without external resources."""
    return page("Scorers of sentiment compared", _parts(report))


def _parts(report: ScorerComparison) -> Iterator[str]:
    yield "<h1>Scorers of sentiment compared</h1>"
    for finding in report.findings:
        yield f'<p class="verdict">{html.escape(finding)}</p>'
    for missing in report.unavailable:
        yield f'<p class="warning">{html.escape(missing)}</p>'
    pictures = "".join(_pictures(report))
    if pictures:
        yield f'<div class="pictures">{pictures}</div>'
    for rows in list(tables_of(report))[bool(report.findings) :]:
        yield table(rows.title, rows.columns, rows.rows, kind="facts" if rows.is_wordy else "")
    yield f"<footer>driftline sentiment compare. {_LICENCE}</footer>"


def _pictures(report: ScorerComparison) -> Iterator[str]:
    for measure, title in (("accuracy", "Accuracy"), ("macro_f1", "Macro-F1")):
        series = {
            _name(scorer): {
                each.data: _measured(getattr(each, measure))
                for each in report.figures
                if each.scorer == scorer
            }
            for scorer in _scorers(report)
        }
        yield figure(
            measured_bars(title, series, is_lying=True), f"{title} with 95 % intervals by resampling texts."
        )
    for data in report.data:
        yield figure(
            _reliability(report, data.name),
            "The share of right labels by the highest stated probability. On the dashed line both are equal.",
        )
    rates = {_name(each.scorer): Measured(round(each.texts_per_s / 1_000, 3)) for each in report.speeds}
    yield figure(
        measured_bars("Thousand texts a second in batches", {"": rates}, is_lying=True), "On one core, here."
    )
    for delay in sorted({signal.delay_minutes for signal in report.signals}):
        yield figure(
            _signals(report, delay),
            f"Information coefficients with 95 % intervals by blocks of days, articles known {delay} minutes after "
            "their publication.",
        )


def _reliability(report: ScorerComparison, data: str) -> str:
    drawn = [
        Curve(_name(each.scorer), [row[1] for row in full], [row[2] for row in full])
        for each in report.figures
        if each.data == data
        and (full := sorted((row for row in each.bins if row[0]), key=lambda row: row[1]))
    ]
    if not drawn:
        return ""
    perfect = Curve("as stated", [1 / 3, 1.0], [1 / 3, 1.0], is_reference=True)
    return curves(
        f"Calibration on {data}", [*drawn, perfect], Axes("stated probability", "share of right labels")
    )


def _signals(report: ScorerComparison, delay: int) -> str:
    series: dict[str, dict[str, Measured]] = {}
    for signal in report.signals:
        if signal.delay_minutes == delay and signal.n:
            series.setdefault(_name(signal.scorer), {})[signal.horizon] = _measured(signal.coefficient)
    return measured_bars(
        f"Information coefficient, {delay} minutes of delay", series, y_format="{:.3f}".format
    )


def _measured(stated: Figure) -> Measured:
    return Measured(round(stated.value, 4), stated.low, stated.high)


def _scorers(report: ScorerComparison) -> Sequence[str]:
    return list(dict.fromkeys(each.scorer for each in report.figures))


def _name(scorer: str) -> str:
    return scorer.partition("@")[0]
