"""Shows progress: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainers.selection.searching import SearchProgress

#: Added to a number of tenths before it is rounded down, because 0.3 is a little less than three tenths.
_ROUNDING = 1e-9


class _Tenths:
    """Tells when another tenth of the work is done."""

    def __init__(self) -> None:
        self._n_done = 0

    def is_next(self, share: float) -> bool:
        n_done = int(share * 10 + _ROUNDING)
        is_next = n_done > self._n_done
        self._n_done = max(self._n_done, n_done)
        return is_next


class PlainReport:
    """Prints lines; while waiting, one line at every tenth."""

    def __init__(self) -> None:
        self._tenths = _Tenths()

    def say(self, line: str) -> None:
        """Prints the line of progress."""
        click.echo(line)

    def waited(self, *, share: float) -> None:
        """Prints a line when another tenth is done."""
        if self._tenths.is_next(share):
            click.echo(f"history for training: {share:.0%}")

    def reached(self, what: str, share: float) -> None:
        """Prints nothing: without a terminal only the results are shown."""


class TerminalReport:
    """Shows a bar while waiting, with lines above it."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=Console(), transient=True)
        self._task = self._progress.add_task("history for training", total=1.0)

    def say(self, line: str) -> None:
        """Prints the line, and removes the bar, because the waiting is over."""
        self._progress.stop()
        self._progress.console.print(line, highlight=False, markup=False)

    def waited(self, *, share: float) -> None:
        """Moves the bar to the share that is done."""
        self._progress.start()
        self._progress.update(self._task, completed=share)

    def reached(self, what: str, share: float) -> None:
        """Moves the bar of a part of the work, and removes it when the part is done."""
        self._progress.update(self._task, description=what, completed=share)
        self._progress.start()
        if share >= 1:
            self._progress.stop()


class ProgressBar(Protocol):
    """Shows the share that is done, and what is being done if that changes."""

    def __call__(self, share: float, what: str | None = None) -> None:
        """Moves the bar to the share that is done."""


@contextmanager
def fitting_progress(title: str) -> Iterator[ProgressBar]:
    """Shows a bar on standard error while many models are fitted; without a terminal, a line at every tenth."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _TenthLines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share, what=None: progress.update(task, completed=share, description=what or title)


class _TenthLines:
    """Prints a line when another tenth is done."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenths = _Tenths()

    def __call__(self, share: float, what: str | None = None) -> None:
        if self._tenths.is_next(share):
            click.echo(f"{what or self._title}: {share:.0%}", err=True)


@contextmanager
def searching_progress(title: str) -> Iterator[Callable[[SearchProgress], None]]:
    """As :func:`fitting_progress`, with the number of pruned trials and the best loss so far."""
    with fitting_progress(title) as bar:
        yield lambda reached: bar(reached.n_done / reached.n_trials, _said(title, reached))


def _said(title: str, reached: SearchProgress) -> str:
    best = "" if reached.best is None else f", best {reached.best:.5f}"
    return f"{title}, trial {reached.n_done} of {reached.n_trials}, {reached.n_pruned} pruned{best}"


def print_table(table: Table) -> None:
    """Prints a table on standard output; 160 columns wide if that is not a terminal."""
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)


def say_written(*paths: Path | None) -> None:
    """Prints the path of each file that was written."""
    for path in paths:
        if path is not None:
            click.echo(f"written to {path}")
