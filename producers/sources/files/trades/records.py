"""The port of trade files: a line is read into when it was recorded, what kind it is, and the trades in it.

One reader stands for one form of file. Readers keep no state between lines, so that the first pass over a file,
which judges its clock, and the second, which gives its trades, read the same.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from producers.normalise.trades import VenueTrade
from producers.sources.files.decompressing import opened
from schemas.errors import ContractError

_BLOCK_BYTES = 1 << 17
#: A line that is longer than this is no line, and nothing after its beginning is read.
LONGEST_LINE_BYTES = 1 << 24
_PADDING = b"\r\0"


class LineReading(msgspec.Struct, frozen=True, gc=False):
    """What one line says.

    Attributes:
        local_ms: When the recorder had it, or None where the line does not say.
        kind: The kind of the message, such as ``trade`` or ``depth``; an empty text for a line that is no record.
        trades: The trades in it.
    """

    local_ms: int | None
    kind: str
    trades: Sequence[VenueTrade]


#: What a reader returns for a line that is no record: an empty line, a heading, a recorder's note.
NO_RECORD = LineReading(None, "", ())


class RecordReader(Protocol):
    """Reads the lines of one form of file.

    Attributes:
        venue: The venue of its trades, in capitals; an empty text where the file does not say.
    """

    venue: str

    def read(self, line: bytes) -> LineReading:
        """Return what a line says.

        Raises:
            ContractError: If the line cannot be read, or states something impossible.
        """

    def may_hold_trades(self, line: bytes) -> bool:
        """Return whether a line can hold a trade; this is quick, and False is certain."""


class BadLine(NamedTuple):
    """A line that could not be read, and why."""

    row: int
    line: bytes
    reason: str


class PlainText:
    """Makes UTF-8 of the blocks of a text: of one in UTF-16, which Windows writes, or with a mark at its beginning."""

    def __init__(self) -> None:
        self._decode: Callable[[bytes], str] | None = None
        self._is_begun = False

    def __call__(self, block: bytes) -> bytes:
        """Return the next block."""
        if not self._is_begun:
            self._is_begun = True
            if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self._decode = codecs.getincrementaldecoder("utf-16")(errors="replace").decode
            block = block.removeprefix(codecs.BOM_UTF8)
        return block if self._decode is None else self._decode(block).encode()


class TradeFile:
    """A file of trades, opened as often as it is read.

    Args:
        path: Where it is.
        reader: Of its form.

    Attributes:
        fault: Why the last reading of the file ended before its end, or None if it did not.
    """

    def __init__(self, path: Path, reader: RecordReader) -> None:
        self.path = path
        self.reader = reader
        self.fault: str | None = None

    def lines(self) -> Iterator[bytes]:
        """Return the lines, without their ends and without the NUL bytes that a loss of power leaves around them."""
        rest = b""
        with opened(self.path) as file:
            plain = PlainText()
            while block := file.read(_BLOCK_BYTES):
                block = plain(block)
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    yield line.strip(_PADDING) or line.rstrip(b"\r")
                if len(rest) > LONGEST_LINE_BYTES:
                    break
            is_endless = len(rest) > LONGEST_LINE_BYTES
            self.fault = f"a line is longer than {LONGEST_LINE_BYTES:,} bytes" if is_endless else file.fault
        # A number that was cut off is another number, so the last piece of a damaged file is no line.
        if self.fault is None:
            yield rest.strip(_PADDING) or rest

    def readings(self, on_bad: Callable[[BadLine], None]) -> Iterator[tuple[int, LineReading]]:
        """Return what each line says, with its number, which begins at 1; lines that are no records are left out.

        Args:
            on_bad: Is told of each line that cannot be read.
        """
        read = self.reader.read
        for row, line in enumerate(self.lines(), start=1):
            try:
                reading = read(line)
            except ContractError as error:
                on_bad(BadLine(row, line, str(error)))
                continue
            if reading.kind:
                yield row, reading

    def trade_readings(self) -> Iterator[tuple[int, LineReading]]:
        """Return what the lines that hold trades say, with their numbers; lines that cannot be read are left out."""
        read, may_hold_trades = self.reader.read, self.reader.may_hold_trades
        for row, line in enumerate(self.lines(), start=1):
            if not may_hold_trades(line):
                continue
            try:
                reading = read(line)
            except ContractError:
                continue
            if reading.trades:
                yield row, reading
