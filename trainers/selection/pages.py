"""Writes the page of a comparison: one HTML file with its charts inside, for a browser without a network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from schemas.time import text_of_time
from trainers.evaluation.edges import ALL, ROUND_TRIP_BPS, TAKER_FEE_BPS, Edge
from trainers.evaluation.importance import Importance
from trainers.evaluation.pages import figure, page, table
from trainers.evaluation.pictures import Measured, measured_bars
from trainers.evaluation.summaries import OutOfSampleResult
from trainers.selection import plots
from trainers.selection.ranking import RULE, CandidatePair, Ranking

Figures = Mapping[str, Any]
_TITLE = "Comparison of models"
_PICTURES = '<div class="pictures">'


def comparison_page(
    ranking: Ranking, figures: Mapping[str, Figures], tested: Mapping[str, OutOfSampleResult]
) -> str:
    """Returns the page.

    Args:
        ranking: The result of the comparison.
        figures: Each candidate's summary, with ``edges``, ``regimes`` and ``importance`` as
            :mod:`trainers.jobs.compare` adds them.
        tested: The predictions of each candidate.
    """
    one = figures[ranking.chosen]
    return page(
        _TITLE,
        [
            f"<h1>{_TITLE}</h1>",
            _span(ranking, tested),
            f'<p class="verdict">{escape(verdict(ranking))}</p>',
            *(f'<p class="warning">{escape(line)}</p>' for line in _warnings(figures)),
            _ranking_table(ranking, figures),
            _pairs_table(ranking),
            "<h2>How good, how sure, how steady</h2>",
            _PICTURES,
            figure(
                plots.coverage(figures), "To the left the most confident decisions alone; a coin has 0.5."
            ),
            figure(
                plots.reliability(tested),
                "Ten groups of decisions of equal size. On the broken line, ups are as frequent as stated.",
            ),
            figure(
                plots.stability(figures),
                "All decisions of each quarter; the chart shows whether the edge fades.",
            ),
            "</div>",
            "<h2>Money, before any cost</h2>",
            f'<p class="warning">{escape(edge_words(ranking.chosen, one["edges"]))}</p>',
            _PICTURES,
            figure(
                plots.edges(figures),
                f"A taker pays {TAKER_FEE_BPS:g} basis points to enter and as much to leave.",
            ),
            figure(plots.equity(tested), "One unit for each decision aimed at 10 %; sums, not compounded."),
            figure(plots.drawdown(tested), "How far each sum lies below its highest value so far."),
            "</div>",
            _edge_table(figures),
            "<h2>By regime</h2>",
            _PICTURES,
            *(figure(picture, caption) for picture, caption in plots.regimes(figures)),
            "</div>",
            _regime_table(ranking, figures),
            "<h2>Which features matter</h2>",
            _PICTURES,
            *_importances(ranking, figures),
            "</div>",
            _footer(),
        ],
    )


def verdict(ranking: Ranking) -> str:
    """States in words what was chosen, and which differences are noise."""
    real = [pair for pair in ranking.pairs if not pair.is_noise]
    if not real:
        told = "no two of them differ by more than noise"
    else:
        told = f"{len(real)} of {len(ranking.pairs)} pairs differ by more than noise: " + "; ".join(
            f"{pair.better} before {pair.worse}" for pair in real
        )
    return f"Chosen: {ranking.chosen}. On {ranking.n:,} decisions {told}."


def edge_words(name: str, edges: Sequence[Edge]) -> str:
    """States in words the gross edge, compared with the fee."""
    confident = min(
        (edge for edge in edges if edge.mean_bps is not None),
        key=lambda edge: edge.target_coverage,
        default=None,
    )
    if confident is None or confident.mean_bps is None:
        return f"{name} decided nothing, so it has no edge."
    where = "below" if confident.mean_bps < ROUND_TRIP_BPS else "above"
    return (
        f"The {confident.target_coverage:.0%} most confident decisions of {name} earn {confident.mean_bps:.1f} "
        f"[{confident.low_bps:.1f}, {confident.high_bps:.1f}] basis points each before costs: {where} the "
        f"{ROUND_TRIP_BPS:g} that a taker pays to enter and leave."
    )


def _span(ranking: Ranking, tested: Mapping[str, OutOfSampleResult]) -> str:
    one = tested[ranking.chosen]
    first, last = (text_of_time(int(time), "day") for time in (one.starts_ms[0], one.until_ms))
    decisions = one.decisions
    return (
        f"<p>{decisions.interval} decisions, {decisions.horizon} ahead, {first} to {last}, out of sample. "
        f"Rule: {escape(RULE)}.</p>"
    )


def _warnings(figures: Mapping[str, Figures]) -> list[str]:
    return [
        f"{name} is right in {one['accuracy']:.1%} of all decisions, and the lower end of the interval lies above "
        f"{one['leak_alarm_above']:.0%}: look for a leak first."
        for name, one in figures.items()
        if one["leak_alarm"]
    ]


def _ranking_table(ranking: Ranking, figures: Mapping[str, Figures]) -> str:
    columns = ("model", "Brier", "log loss", "accuracy over all", "aimed at 10 %", "aimed at 5 %")
    rows = []
    for name in ranking.order:
        one = figures[name]
        picks = {item["target_coverage"]: item for item in one["selective"]}
        whole = _share(one["accuracy"], one["accuracy_interval"])
        scores = (f"{one['brier']:.5f}", f"{one['log_loss']:.5f}")
        rows.append((name, *scores, whole, _pick(picks[0.1]), _pick(picks[0.05])))
    return table("Ranking", columns, rows, marked=ranking.chosen)


def _pairs_table(ranking: Ranking) -> str:
    columns = ("pair", "Brier difference", "p", "accuracy difference", "p", "")
    rows = [pair_cells(pair) for pair in ranking.pairs]
    return table("Differences, p-values adjusted by Holm", columns, rows)


def pair_cells(pair: CandidatePair) -> tuple[str, ...]:
    """Returns the cells of a pair: the names, Brier difference and p, accuracy difference and p, noise or not."""
    return (
        f"{pair.first} less {pair.second}",
        f"{pair.brier_difference:+.6f}",
        f"{pair.brier_p:.3g}",
        f"{pair.accuracy_difference:+.2%}",
        f"{pair.accuracy_p:.3g}",
        "noise" if pair.is_noise else "more than noise",
    )


def _edge_table(figures: Mapping[str, Figures]) -> str:
    columns = ("model", "aimed at", "decisions", "gross, basis points", f"after {ROUND_TRIP_BPS:g} of fees")
    rows = [
        (
            name,
            "all" if edge.target_coverage == ALL else f"{edge.target_coverage:.0%}",
            f"{edge.n:,}",
            f"{edge.mean_bps:+.1f} [{edge.low_bps:+.1f}, {edge.high_bps:+.1f}]",
            f"{edge.mean_bps - ROUND_TRIP_BPS:+.1f}",
        )
        for name, one in figures.items()
        for edge in one["edges"]
        if edge.mean_bps is not None
    ]
    return table("Edge of a decision, and what is left of it", columns, rows)


def _regime_table(ranking: Ranking, figures: Mapping[str, Figures]) -> str:
    columns = ("regime", "decisions", "accuracy over all", "aimed at 10 %")
    rows = [
        (
            f"{dimension}: {name}",
            f"{one['n']:,}",
            _share(one["accuracy"], one["accuracy_interval"]),
            _pick(one["selective"]),
        )
        for dimension, names in figures[ranking.chosen]["regimes"].items()
        for name, one in names.items()
    ]
    return table(f"{ranking.chosen} by regime", columns, rows)


def _importances(ranking: Ranking, figures: Mapping[str, Figures]) -> list[str]:
    return [
        figure(
            measured_bars(
                f"{name}: rise of the log loss when a family is shuffled",
                {
                    name: {
                        f"{one.family} ({one.n_features})": Measured(
                            1000 * one.log_loss_rise, 1000 * one.low, 1000 * one.high
                        )
                        for one in _found(figures[name])
                    }
                },
                value_title="thousandths of a nat a decision",
                is_lying=True,
            ),
            "Out of sample, by the ONNX model. Similar features replace each other, so families are shuffled together.",
        )
        for name in ranking.order
    ]


def _found(one: Figures) -> Sequence[Importance]:
    found: Sequence[Importance] = one["importance"]
    return found


def _share(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"


def _pick(item: Figures) -> str:
    return f"{_share(item['accuracy'], item['interval'])}, made {item['coverage']:.1%}"


def _footer() -> str:
    return (
        "<footer>Intervals are 95 %, by circular blocks of seven days. Ties are left out. Regimes are known at the "
        "decision: thirds have thresholds from the year before each quarter. Money is gross of fees, spread "
        "and slippage; `driftline backtest` counts them. None of this is advice to trade.</footer>"
    )
