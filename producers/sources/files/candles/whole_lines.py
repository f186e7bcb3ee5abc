"""Reads the lines of a text that may be cut off: the line that damage goes through is held back."""

import io

from producers.sources.files.decompressing import OpenedFile

_BUFFER_BYTES = 1 << 18


class WholeLines(io.RawIOBase):
    """The bytes of a text, up to the end of its last whole line where the file is damaged.

    Attributes:
        rest: After the end, the bytes behind the last end of a line: part of a line, or nothing.
    """

    def __init__(self, file: OpenedFile) -> None:
        super().__init__()
        self._file = file
        self._ready = b""
        self._is_done = False
        self.rest = b""

    def readable(self) -> bool:
        """Whether bytes can be read, which is always so."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read bytes into a buffer; 0 at the end."""
        while not self._ready and self._fill():
            pass
        found, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(found)] = found
        return len(found)

    @property
    def is_open_ended(self) -> bool:
        """Whether the text ends inside a line."""
        return bool(self.rest.strip(b"\x00\r\n \t"))

    def _fill(self) -> bool:
        """Take the next bytes; false at the end."""
        found = self._file.read(_BUFFER_BYTES) or b""
        if not found:
            if not self._is_done and (self._file.fault is None or not self.is_open_ended):
                self._ready = self.rest
            self._is_done = True
            return False
        whole = self.rest + found
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1
        # The second byte of an end of line in UTF-16 belongs to the line.
        end += whole[end : end + 1] == b"\x00" and end > 0
        self._ready, self.rest = whole[:end], whole[end:]
        return True
