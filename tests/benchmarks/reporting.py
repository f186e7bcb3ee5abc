"""How every benchmark reports: a table for people, and ``build/bench/NAME.json`` for machines."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

FOLDER = Path("build") / "bench"


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured figure.

    Attributes:
        bar: What it is held against, in the same unit; None where nothing is promised.
        holds: Whether it is on the right side of the bar; None without one.
        peer: What it was compared with in the same run.
        ratio: Ours over the peer's.
    """

    metric: str
    value: float
    unit: str
    bar: float | None
    holds: bool | None
    peer: str | None = None
    ratio: float | None = None


def report(name: str, figures: Sequence[Figure]) -> None:
    """Print the table and write the file; never fails for what the figures are."""
    table = Table(title=f"bench-{name}")
    for heading in ("metric", "value", "unit", "bar", "holds", "peer", "ratio"):
        table.add_column(heading, justify="right" if heading in {"value", "bar", "ratio"} else "left")
    for figure in figures:
        table.add_row(
            figure.metric,
            f"{figure.value:,.4g}" if figure.value < 1000 else f"{figure.value:,.0f}",
            figure.unit,
            "" if figure.bar is None else f"{figure.bar:,g}",
            "" if figure.holds is None else ("yes" if figure.holds else "NO"),
            figure.peer or "",
            "" if figure.ratio is None else f"{figure.ratio:.3g}",
        )
    Console(width=110).print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(figures)), indent=2))
    Console().print(f"written to {path}")
