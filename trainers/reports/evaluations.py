"""Makes tables of an evaluation's figures, with coverage, interval and lag beside every accuracy."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from trainers.inputs.parameters import NOT_REPEATED

_EXACT_LAG = "none"


def evaluation_tables(figures: Mapping[str, Any]) -> list[Table]:
    """Makes the tables of the whole test, of each year, of wanted accuracies and of conformal sets."""
    return [_whole(figures), _by_year(figures), _wanted(figures), _conformal(figures)]


def _whole(figures: Mapping[str, Any]) -> Table:
    title = (
        f"{figures['model']}: {figures['interval']} decisions, {figures['horizon']} ahead, refit "
        f"{figures['refit']}, {figures['configurations_tried']} configurations tried"
    )
    if figures["leak_alarm"]:
        title += (
            f"\nLEAK ALARM: the lower end of the accuracy over all decisions lies above "
            f"{figures['leak_alarm_above']:.0%}. Look for a leak first"
        )
    if not all(search.get("is_repeated", True) for search in figures.get("searches", ())):
        title += f"\n--parameters: {NOT_REPEATED}"
    title += "".join(f"\nWARNING: {words}" for words in figures["warnings"])
    table = Table(title=title)
    targets = [f"aimed at {item['target_coverage']:.0%}" for item in figures["selective"]]
    for column in ("entered after", "all", *targets):
        table.add_column(column)
    table.add_row(_EXACT_LAG, *_cells(figures))
    for lag, late in figures["lags"].items():
        table.add_row(lag, *_cells(late))
    for name, baseline in figures["baselines"].items():
        if baseline.get("accuracy") is not None:
            table.add_row(name.replace("_", " "), _share(baseline["accuracy"], baseline["accuracy_interval"]))
    return table


def _by_year(figures: Mapping[str, Any]) -> Table:
    table = Table(title=f"by year; ties, {figures['n_ties']:,} in all, are left out")
    targets = [f"aimed at {item['target_coverage']:.0%}" for item in figures["selective"]]
    for column in ("year", "all", *targets):
        table.add_column(column)
    for year, stretch in figures["by_year"].items():
        table.add_row(year, *_cells(stretch))
    return table


def _wanted(figures: Mapping[str, Any]) -> Table:
    table = Table(title="wanted accuracy: the model abstains below a threshold set on the year before")
    for column in ("wanted", "reached", "decided", "by year"):
        table.add_column(column)
    for item in figures["wanted_accuracy"]:
        years = (f"{year} {one['accuracy']:.1%} of {one['n']:,}" for year, one in item["by_year"].items())
        table.add_row(
            f"{item['wanted_accuracy']:.0%}",
            _share(item["accuracy"], item["interval"]),
            f"{item['coverage']:.1%} (n {item['n']:,})" if item["n"] else "always abstained",
            ", ".join(years) or "-",
        )
    return table


def _conformal(figures: Mapping[str, Any]) -> Table:
    found = figures["conformal"]
    table = Table(
        title=f"conformal sets that are meant to hold the outcome {1 - found['miscoverage']:.0%} of the time, by direction"
    )
    for column in ("sets", "held it", "of ups", "of downs", "one direction", "and right", "by year"):
        table.add_column(column)
    for name, key in (("plain", "coverage"), ("adaptive", "coverage_adaptive")):
        sets = found if name == "plain" else found["adaptive"]
        table.add_row(
            name,
            _share(sets["coverage"], sets["coverage_interval"]),
            *(_percent(sets[part]) for part in ("coverage_up", "coverage_down", "one_direction")),
            _share(sets["one_direction_accuracy"], sets["one_direction_interval"]),
            ", ".join(f"{year} {one[key]:.1%}" for year, one in found["by_year"].items()) or "-",
        )
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _cells(figures: Mapping[str, Any]) -> list[str]:
    whole = _share(figures["accuracy"], figures["accuracy_interval"]) + f"\nn {figures['n']:,}"
    return [whole, *(_selective_cell(item) for item in figures["selective"])]


def _selective_cell(item: Mapping[str, Any]) -> str:
    return _share(item["accuracy"], item["interval"]) + f"\nn {item['n']:,}, made {item['coverage']:.1%}"


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"
