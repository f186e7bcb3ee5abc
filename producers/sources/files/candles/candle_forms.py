"""The forms of files of candles, behind the port of all forms.

All of them have one object here: the reader tells them apart by itself, and its report names the form.
"""

from pathlib import Path

from producers.sources.files.candles.candle_instruments import instrument_of_candles
from producers.sources.files.candles.layouts import layout_of
from producers.sources.files.decompressing import FileHead
from producers.sources.files.forms import FileForm, ReadRequest
from producers.sources.files.reports import Certainty, DataKind, FileReport


class CandleForm(FileForm):
    """Every way of writing a table of candles."""

    name = "candles"
    kind = DataKind.CANDLES

    def recognises(self, head: FileHead) -> Certainty | None:
        """Return how sure it is that a file that begins so is a table of candles."""
        layout = layout_of(head)
        return None if layout is None else layout.certainty

    def instrument_of(self, head: FileHead, path: Path) -> str | None:
        """Return the instrument that the file states, or None."""
        layout = layout_of(head)
        if layout is None:
            return None
        found = instrument_of_candles(head, layout, path)
        if found is None and layout.container == "parquet":
            from producers.sources.files.candles.binary_tables import instrument_in_parquet

            return instrument_in_parquet(path)
        return found

    def report(self, path: Path, head: FileHead, request: ReadRequest) -> FileReport:
        """Read the whole file and say what it holds.

        Args:
            path: The file.
            head: Its first bytes.
            request: What is known beside the file.

        Raises:
            ConfigurationError: If the file cannot be used.
        """
        from producers.sources.files.candles.reading import read_candle_file

        return read_candle_file(path, request, head).report


CANDLE_FORMS: tuple[FileForm, ...] = (CandleForm(),)
