"""The page of a comparison: one HTML file with its pictures inside, for a browser without a network."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.selection.drawings import Line, legend, picture
from trainers.selection.ranking import RULE, Ranking

_N_BINS = 10
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border-bottom:1px solid #ccc;padding:.3em .7em;text-align:left}"
    "figure{display:inline-block;margin:.5em}"
)
Figures = Mapping[str, Any]


def comparison_page(
    ranking: Ranking,
    figures: Mapping[str, Figures],
    decisions: DecisionSet,
    probabilities: Mapping[str, NDArray[np.float64]],
    *,
    from_ms: int,
) -> str:
    """The page.

    Args:
        ranking: What came of it.
        figures: Each candidate's summary.
        decisions: What was decided.
        probabilities: By candidate.
        from_ms: The beginning of the test.
    """
    pictures = [
        _coverage(figures),
        _reliability(decisions, probabilities, from_ms),
        _stability(figures),
        _equity(decisions, probabilities, from_ms),
    ]
    drawn = "".join(f"<figure>{one}</figure>" for one in pictures if one)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Comparison of models</title>'
        f"<style>{_STYLE}</style><h1>Comparison of models</h1>"
        f"<p>Chosen: <b>{escape(ranking.chosen)}</b>, on {ranking.n:,} decisions without ties. Rule: {escape(RULE)}.</p>"
        f"{_ranking_table(ranking, figures)}{_pairs_table(ranking)}<p>{legend(list(figures))}</p>{drawn}"
        "<p>Intervals are 95 %, by circular blocks of seven days. Money is gross of fees, spread and slippage; "
        "the edge of a pick is usually smaller than a taker's fee.</p></html>"
    )


def _ranking_table(ranking: Ranking, figures: Mapping[str, Figures]) -> str:
    head = "<tr><th>model<th>Brier<th>log loss<th>accuracy over all<th>aimed at 10 %<th>aimed at 5 %</tr>"
    rows = []
    for name in ranking.order:
        one = figures[name]
        picks = {item["target_coverage"]: item for item in one["selective"]}
        rows.append(
            f"<tr><td>{escape(name)}<td>{one['brier']:.5f}<td>{one['log_loss']:.5f}"
            f"<td>{_share(one['accuracy'], one['accuracy_interval'])}<td>{_pick(picks[0.1])}<td>{_pick(picks[0.05])}</tr>"
        )
    return f"<h2>Ranking</h2><table>{head}{''.join(rows)}</table>"


def _pairs_table(ranking: Ranking) -> str:
    head = "<tr><th>pair<th>Brier difference<th>p<th>accuracy difference<th>p<th></tr>"
    rows = [
        f"<tr><td>{escape(pair.first)} less {escape(pair.second)}<td>{pair.brier_difference:+.6f}<td>{pair.brier_p:.3g}"
        f"<td>{pair.accuracy_difference:+.2%}<td>{pair.accuracy_p:.3g}<td>{'noise' if pair.is_noise else 'more than noise'}</tr>"
        for pair in ranking.pairs
    ]
    return f"<h2>Differences, adjusted by Holm</h2><table>{head}{''.join(rows)}</table>"


def _share(value: float | None, interval: list[float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"


def _pick(item: Figures) -> str:
    return f"{_share(item['accuracy'], item['interval'])}, made {item['coverage']:.1%}"


def _coverage(figures: Mapping[str, Figures]) -> str:
    lines = []
    for name, one in figures.items():
        points = [(1.0, one["accuracy"])]
        points += [
            (item["coverage"], item["accuracy"]) for item in one["selective"] if item["accuracy"] is not None
        ]
        lines.append(Line(name, [np.log10(max(x, 1e-4)) for x, _ in points], [y for _, y in points]))
    return picture("Accuracy against coverage", lines, x_label="log10 of coverage", y_label="accuracy")


def _stability(figures: Mapping[str, Figures]) -> str:
    lines = []
    for name, one in figures.items():
        values = [stretch["accuracy"] for stretch in one["by_quarter"].values() if stretch["n"]]
        lines.append(Line(name, list(range(len(values))), values))
    longest = max((len(line.x) for line in lines), default=0)
    lines.append(Line("one half", [0, max(longest - 1, 0)], [0.5, 0.5], is_reference=True))
    return picture(
        "Accuracy over all, by quarter", lines, x_label="quarters from the test's start", y_label="accuracy"
    )


def _reliability(
    decisions: DecisionSet, probabilities: Mapping[str, NDArray[np.float64]], from_ms: int
) -> str:
    lines = []
    for name, probability in probabilities.items():
        rows = _tested(decisions, probability, from_ms)
        stated, up = probability[rows], decisions.own.log_return[rows] > 0
        edges = np.quantile(stated, np.linspace(0, 1, _N_BINS + 1)[1:-1])
        bins = np.searchsorted(edges, stated)
        present = np.unique(bins)
        lines.append(
            Line(
                name,
                [float(stated[bins == i].mean()) for i in present],
                [float(up[bins == i].mean()) for i in present],
            )
        )
    ends = [min(x for line in lines for x in line.x), max(x for line in lines for x in line.x)]
    lines.append(Line("perfect", ends, ends, is_reference=True))
    return picture("Reliability", lines, x_label="stated probability of up", y_label="share of ups")


def _equity(decisions: DecisionSet, probabilities: Mapping[str, NDArray[np.float64]], from_ms: int) -> str:
    """The running sum of gross log returns of always taking the side that the model says."""
    lines = []
    for name, probability in probabilities.items():
        rows = _tested(decisions, probability, from_ms)
        gained = np.cumsum(np.where(probability[rows] >= 0.5, 1, -1) * decisions.own.log_return[rows])
        kept = np.unique(np.linspace(0, len(rows) - 1, 200).astype(int))
        lines.append(Line(name, [float(i) for i in kept], [float(gained[i]) for i in kept]))
    return picture("Gross log return, before any cost", lines, x_label="decisions", y_label="sum")


def _tested(decisions: DecisionSet, probability: NDArray[np.float64], from_ms: int) -> NDArray[np.int64]:
    moves = decisions.own.log_return
    usable = (decisions.as_of_ms >= from_ms) & ~np.isnan(probability) & ~np.isnan(moves) & (moves != 0)
    return np.flatnonzero(usable)
