"""Draws the charts of a comparison from its figures."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainers.evaluation.edges import ALL, ROUND_TRIP_BPS, gains
from trainers.evaluation.pictures import (
    Axes,
    Curve,
    Measured,
    curves,
    measured_bars,
    period_curves,
    time_curves,
)
from trainers.evaluation.regimes import TARGET
from trainers.evaluation.summaries import OutOfSampleResult

Figures = Mapping[str, Any]
_N_BINS = 10
_WIDE = {"width": 640, "height": 420}


def coverage(figures: Mapping[str, Figures]) -> str:
    """Draws the accuracy against the realised coverage, on a logarithmic axis."""
    drawn = []
    for name, one in figures.items():
        points = [(1.0, one["accuracy"])] + [
            (item["coverage"], item["accuracy"])
            for item in one["selective"]
            if item["accuracy"] is not None and item["coverage"] > 0
        ]
        points = [(float(np.log10(x)), y) for x, y in sorted(points) if y is not None]
        drawn.append(Curve(name, [x for x, _ in points], [y for _, y in points]))
    lowest = min((x for curve in drawn for x in curve.x), default=-1.0)
    drawn.append(Curve("a coin", [lowest, 0.0], [0.5, 0.5], is_reference=True))
    labels = [round(float(np.log10(share)), 6) for share in (0.01, 0.03, 0.1, 0.3, 1.0)]
    return curves(
        "Accuracy against coverage",
        drawn,
        Axes("share of decisions that are made", "accuracy", _share_of_log, "{:.0%}".format),
        x_labels=[label for label in labels if label >= lowest - 0.5],
    )


def _share_of_log(x: float) -> str:
    return f"{10**x:.2g}" if 10**x < 1 else "all"


def reliability(tested: Mapping[str, OutOfSampleResult]) -> str:
    """Draws the share of ups against the stated probability, in ten groups of equal size."""
    drawn = [Curve(name, *_groups(one)) for name, one in tested.items()]
    every = [x for curve in drawn for x in curve.x]
    if every:
        drawn.append(
            Curve("as stated", [min(every), max(every)], [min(every), max(every)], is_reference=True)
        )
    return curves(
        "Reliability",
        drawn,
        Axes("stated probability of up", "share of ups", "{:.2f}".format, "{:.2f}".format),
    )


def _groups(one: OutOfSampleResult) -> tuple[list[float], list[float]]:
    rows = one.rows(one.decisions.own)
    stated, up = one.probability[rows], one.decisions.own.log_return[rows] > 0
    if not len(rows):
        return [], []
    edges_of = np.quantile(stated, np.linspace(0, 1, _N_BINS + 1)[1:-1])
    bins = np.searchsorted(edges_of, stated)
    present = np.unique(bins)
    return [float(stated[bins == i].mean()) for i in present], [float(up[bins == i].mean()) for i in present]


def stability(figures: Mapping[str, Figures]) -> str:
    """Draws the accuracy over all decisions, by quarter."""
    series = {
        name: {quarter: 100 * found["accuracy"] for quarter, found in one["by_quarter"].items() if found["n"]}
        for name, one in figures.items()
    }
    quarters = {quarter for values in series.values() for quarter in values}
    series["a coin"] = dict.fromkeys(quarters, 50.0)
    return period_curves("Accuracy by quarter, %", series, n_references=1)


def equity(tested: Mapping[str, OutOfSampleResult]) -> str:
    """Draws the sum of gross returns of the confident decisions."""
    found = {name: gains(one, target=TARGET) for name, one in tested.items()}
    series = {
        name: (bets.as_of_ms, bets.running_percent()) for name, bets in found.items() if len(bets.as_of_ms)
    }
    return time_curves("Equity before costs, % of a unit", series, **_WIDE) if series else ""


def drawdown(tested: Mapping[str, OutOfSampleResult]) -> str:
    """Draws how far these sums lie below their highest value so far."""
    found = {name: gains(one, target=TARGET) for name, one in tested.items()}
    series = {
        name: (bets.as_of_ms, bets.fallen_percent()) for name, bets in found.items() if len(bets.as_of_ms)
    }
    return time_curves("Drawdown before costs, % of a unit", series, **_WIDE) if series else ""


def edges(figures: Mapping[str, Figures]) -> str:
    """Draws the gross edge of a decision at each coverage, with the fee beside it."""
    series = {
        name: {
            "all" if edge.target_coverage == ALL else f"aimed at {edge.target_coverage:.0%}": Measured(
                edge.mean_bps, edge.low_bps, edge.high_bps
            )
            for edge in one["edges"]
            if edge.mean_bps is not None
        }
        for name, one in figures.items()
    }
    labels = next(iter(series.values()), {})
    series[f"a taker's fees, {ROUND_TRIP_BPS:g}"] = {name: Measured(ROUND_TRIP_BPS) for name in labels}
    return measured_bars("Edge of a decision against fees, basis points", series, n_references=1, size=_WIDE)


def regimes(figures: Mapping[str, Figures]) -> list[tuple[str, str]]:
    """Draws the accuracy by regime: one chart with a caption for each dimension."""
    dimensions = list(dict.fromkeys(name for one in figures.values() for name in one["regimes"]))
    return [
        (
            measured_bars(
                f"Accuracy less 50 points, by {dimension}",
                {
                    name: {
                        regime: Measured(
                            *(
                                100 * value - 50
                                for value in (found["accuracy"], *(found["accuracy_interval"] or ()))
                            )
                        )
                        for regime, found in one["regimes"].get(dimension, {}).items()
                    }
                    for name, one in figures.items()
                },
                size=_WIDE,
            ),
            "Over all decisions, with 95 % intervals.",
        )
        for dimension in dimensions
    ]
