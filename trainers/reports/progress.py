"""Progress for people: a bar on a terminal, plain lines otherwise."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainers.selection.searching import Reached

_STEP = 0.1


class PlainReport:
    """Lines; waiting says a line at every tenth."""

    def __init__(self) -> None:
        self._next = _STEP

    def say(self, line: str) -> None:
        """Print the line."""
        click.echo(line)

    def waited(self, *, share: float) -> None:
        """Print a line when another tenth is there."""
        if share >= self._next:
            self._next = (share // _STEP + 1) * _STEP
            click.echo(f"history for training: {share:.0%}")

    def reached(self, what: str, share: float) -> None:
        """A terminal's affair: work that is asked for says its results alone."""


class TerminalReport:
    """A bar while waiting, with lines above it."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=Console(), transient=True)
        self._task = self._progress.add_task("history for training", total=1.0)

    def say(self, line: str) -> None:
        """Print the line, and take the bar away: the waiting is over."""
        self._progress.stop()
        self._progress.console.print(line, highlight=False, markup=False)

    def waited(self, *, share: float) -> None:
        """Move the bar."""
        self._progress.start()
        self._progress.update(self._task, completed=share)

    def reached(self, what: str, share: float) -> None:
        """Move the bar of a part of the work; it goes when the part is done."""
        self._progress.update(self._task, description=what, completed=share)
        self._progress.start()
        if share >= 1:
            self._progress.stop()


class Bar(Protocol):
    """Told the share that is done, and perhaps in other words what."""

    def __call__(self, share: float, what: str | None = None) -> None:
        """Move it."""


@contextmanager
def fitting_progress(title: str) -> Iterator[Bar]:
    """A bar on standard error while many models are fitted; lines at every tenth without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _TenthLines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share, what=None: progress.update(task, completed=share, description=what or title)


class _TenthLines:
    """Says a line when another tenth is done."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._next = _STEP

    def __call__(self, share: float, what: str | None = None) -> None:
        if share >= self._next:
            self._next = (share // _STEP + 1) * _STEP
            click.echo(f"{what or self._title}: {share:.0%}", err=True)


@contextmanager
def searching_progress(title: str) -> Iterator[Callable[[Reached], None]]:
    """As :func:`fitting_progress`, with how many trials were given up, and the best so far."""
    with fitting_progress(title) as bar:
        yield lambda reached: bar(reached.n_done / reached.n_trials, _said(title, reached))


def _said(title: str, reached: Reached) -> str:
    best = "" if reached.best is None else f", best {reached.best:.5f}"
    return f"{title}, trial {reached.n_done} of {reached.n_trials}, {reached.n_pruned} pruned{best}"


def print_table(table: Table) -> None:
    """A table on standard output; wide where that is no terminal."""
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)


def say_written(*paths: Path | None) -> None:
    """One line for each file that was asked for: where it is."""
    for path in paths:
        if path is not None:
            click.echo(f"written to {path}")
