"""The port of file forms: how a form recognises a file, and how it reports on one.

Each room that reads a kind of file states its forms in a tuple; :mod:`.recognition` joins the tuples. A new
form is one more object in its room's tuple.
"""

from pathlib import Path
from typing import NamedTuple, Protocol

from producers.sources.files.decompressing import FileHead
from producers.sources.files.reports import Certainty, DataKind, FileReport


class ReadRequest(NamedTuple):
    """What a reader of files has to know beside the file.

    Attributes:
        not_after_ms: No candle closes and no trade happens later than this: ``created_ms`` of the stream, or
            the wall clock for a command that only reads.
        instrument: What the user says that the file holds; None is what the file says.
        longest_pause_ms: A hole between candles that is at most this long had no trade; None is what the venue is
            known for, 0 is none.
        is_close_stamped: Whether the user says that the times of the rows are closes; None is what the form says.
    """

    not_after_ms: int
    instrument: str | None = None
    longest_pause_ms: int | None = None
    is_close_stamped: bool | None = None


class FileForm(Protocol):
    """One form in which files are found."""

    @property
    def name(self) -> str:
        """The form's name in reports, in lower case with hyphens, such as ``binance-klines``."""

    @property
    def kind(self) -> DataKind:
        """What a file of this form holds."""

    def recognises(self, head: FileHead) -> Certainty | None:
        """Return how sure it is that a file that begins so has this form, or None if it has not.

        This must be quick and import nothing heavy, because the launcher asks every form. It never raises.
        """

    def instrument_of(self, head: FileHead, path: Path) -> str | None:
        """Return the instrument that the file states by its name or its beginning, or None."""

    def report(self, path: Path, head: FileHead, request: ReadRequest) -> FileReport:
        """Read the whole file and say what it holds.

        Args:
            path: The file.
            head: Its first bytes.
            request: What is known beside the file.

        Raises:
            ConfigurationError: If the file cannot be used: one line that says what it seems to be, what is missing
                and which option would help.
        """
