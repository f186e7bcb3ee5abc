"""Shows the log lines of the processes under their names, and a live table if the output is a terminal."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from deploy.local.states import LauncherState, render

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")
_NAME_WIDTH = 9
_ROTATED_BYTES = 32 * 1024 * 1024
_READ_BYTES = 256 * 1024


class LogTail:
    """Follows a log file that a process writes itself, and keeps it from growing without end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._rest = b""
        self.last_line = ""

    def read(self) -> list[str]:
        """Return the whole lines that were written since the last call; none if the system refuses a file."""
        try:
            return self._read()
        except OSError:
            return []

    def _read(self) -> list[str]:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._position:
            self._position = 0
        if size == self._position:
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            new = file.read(_READ_BYTES)
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        if self._position == size and size > _ROTATED_BYTES:
            self._rotate()
        texts = [text for line in lines if (text := line.decode(errors="replace").rstrip())]
        if texts:
            self.last_line = texts[-1]
        return texts

    def _rotate(self) -> None:
        """Copy the content of the file to another file, and empty it. Its writer appends, so it goes on at the front.

        If the disk is too full for that, the content is lost.
        """
        aside = self._path.with_suffix(".log.1")
        try:
            aside.write_bytes(self._path.read_bytes())
        except OSError:
            aside.unlink(missing_ok=True)
        with self._path.open("r+b") as file:
            file.truncate()
        self._position = 0


class Terminal:
    """Writes what the launcher shows: coloured and with a live table on a terminal, otherwise as plain lines."""

    def __init__(self, stream: TextIO, *, shows_logs: bool) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._shows_logs = shows_logs
        self._live: Live | None = None
        self._colours: dict[str, str] = {}

    def say(self, text: str, *, style: str = "bold") -> None:
        """Show a line of the launcher itself."""
        self._line("driftline", text, style=style)

    def log(self, name: str, text: str) -> None:
        """Show a line of the log of a process."""
        if self._shows_logs:
            self._line(name, text, style="")

    def show(self, state: LauncherState) -> None:
        """Draw the live table again; without a terminal nothing is drawn."""
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        with suppress(OSError):  # the terminal may have been closed
            self._live.update(render(state), refresh=True)

    def close(self) -> None:
        """Remove the table from the terminal."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, name: str, text: str, *, style: str) -> None:
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        with suppress(OSError):  # the terminal may have been closed
            self._console.print(Text(f"{name:<{_NAME_WIDTH}} | ", style=colour) + Text(text, style=style))


def show_new_lines(terminal: Terminal, tails: Mapping[str, LogTail]) -> None:
    """Show what the processes wrote since the last call."""
    for name, tail in tails.items():
        for line in tail.read():
            terminal.log(name, line)
