"""An evaluation's figures as tables for people: coverage, interval and lag beside every accuracy."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

_EXACT_LAG = "none"


def evaluation_tables(figures: Mapping[str, Any]) -> list[Table]:
    """The whole, then by year."""
    return [_whole(figures), _by_year(figures)]


def _whole(figures: Mapping[str, Any]) -> Table:
    title = (
        f"{figures['model']}: {figures['interval']} decisions, {figures['horizon']} ahead, refit "
        f"{figures['refit']}, {figures['configurations_tried']} configurations tried"
    )
    if figures["leak_alarm"]:
        title += f"\nALARM: above {figures['leak_alarm_above']:.0%} over all decisions: look for a leak first"
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


def _cells(figures: Mapping[str, Any]) -> list[str]:
    whole = _share(figures["accuracy"], figures["accuracy_interval"]) + f"\nn {figures['n']:,}"
    return [whole, *(_selective_cell(item) for item in figures["selective"])]


def _selective_cell(item: Mapping[str, Any]) -> str:
    return _share(item["accuracy"], item["interval"]) + f"\nn {item['n']:,}, made {item['coverage']:.1%}"


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"
