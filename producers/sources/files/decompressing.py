"""Opens files through their compression, which is told by the first bytes and never by the name.

A file that was cut off is read up to the cut: :attr:`OpenedFile.fault` says afterwards what was wrong.
"""

import bz2
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from producers.sources.files.archives import member_of
from schemas.errors import ConfigurationError

#: So many bytes tell what a file is.
HEAD_BYTES = 65_536
#: So many decompressed bytes of a file are held in memory at once, where a file must be read as a whole.
MOST_BYTES_AT_ONCE = 1 << 30
_MOST_LAYERS = 3
_BUFFER_BYTES = 1 << 18
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError)


class FileHead(NamedTuple):
    """The beginning of a file, by which its form is recognised.

    Attributes:
        name: The file's name, without its folder.
        member: The name of the file inside an archive, or None.
        layers: The compressions, the outermost first: ``gzip``, ``bzip2``, ``xz``, ``zstd``, ``zip``.
        beginning: At most :data:`HEAD_BYTES` decompressed bytes.
        fault: Why the file could not be decompressed this far, or None.
    """

    name: str
    member: str | None
    layers: tuple[str, ...]
    beginning: bytes
    fault: str | None

    @property
    def is_whole(self) -> bool:
        """Whether the beginning is the whole file."""
        return len(self.beginning) < HEAD_BYTES


class OpenedFile(io.RawIOBase):
    """The decompressed bytes of a file; where they are damaged they end, and :attr:`fault` says why."""

    def __init__(self, inner: BinaryIO, below: Sequence[BinaryIO] = ()) -> None:
        super().__init__()
        self._inner = inner
        self._below = below
        self.fault: str | None = None

    def readable(self) -> bool:
        """Whether bytes can be read, which is always so."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read decompressed bytes into a buffer; 0 at the end, and where the file is damaged."""
        if self.fault is not None:
            return 0
        try:
            found = _read_some(self._inner, len(buffer))
        except _DAMAGED as error:
            self.fault = str(error) or type(error).__name__
            return 0
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the file and everything below it."""
        for file in (self._inner, *reversed(self._below)):
            file.close()
        super().close()


def _read_some(file: BinaryIO, n: int) -> bytes:
    # read1 does not lose what came before the damage, as a filled buffer would.
    read1 = getattr(file, "read1", None)
    return cast("bytes", file.read(n) if read1 is None else read1(n))


@contextmanager
def opened(path: Path) -> Iterator[OpenedFile]:
    """Open a file, decompressed as its first bytes say.

    Raises:
        ConfigurationError: If it cannot be opened, or an archive holds several files.
    """
    file, _, _ = _unwrapped(path)
    try:
        yield file
    finally:
        file.close()


def head_of(path: Path) -> FileHead:
    """Return the beginning of a file, decompressed.

    Raises:
        ConfigurationError: If it cannot be opened, or an archive holds several files.
    """
    file, layers, member = _unwrapped(path)
    with file:
        beginning = io.BufferedReader(file, _BUFFER_BYTES).read(HEAD_BYTES)
        return FileHead(path.name, member, layers, beginning, file.fault)


def whole_of(file: OpenedFile, name: str, *, most_bytes: int | None = None) -> bytes:
    """Return all bytes of an opened file.

    Args:
        file: The file.
        name: Its name, for the error.
        most_bytes: The largest number of decompressed bytes that are read; :data:`MOST_BYTES_AT_ONCE` if None.

    Raises:
        ConfigurationError: If the file holds more than that.
    """
    most_bytes = MOST_BYTES_AT_ONCE if most_bytes is None else most_bytes
    parts = bytearray()
    while part := file.read(_BUFFER_BYTES):
        parts += part
        if len(parts) > most_bytes:
            message = (
                f"{name} holds more than {most_bytes:,} decompressed bytes, which is the most that is read at once: "
                "split it into smaller files, or convert it to parquet"
            )
            raise ConfigurationError(message)
    return bytes(parts)


def undamaged_content(path: Path) -> bytes:
    """Return all decompressed bytes of a file that must not be read in part.

    Raises:
        ConfigurationError: If it cannot be opened, is damaged or cut off, or holds too much.
    """
    with opened(path) as file:
        content = whole_of(file, path.name)
        if file.fault is not None:
            message = f"{path.name} is damaged or cut off ({file.fault}): fetch it again, or give what of it is whole as a file"
            raise ConfigurationError(message)
    return content


def _unwrapped(path: Path) -> tuple[OpenedFile, tuple[str, ...], str | None]:
    try:
        _check_regular(path)
        raw: BinaryIO = path.open("rb")
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from error
    layers: list[str] = []
    below: list[BinaryIO] = []
    member: str | None = None
    try:
        while len(layers) < _MOST_LAYERS and (layer := _compression(raw)) is not None:
            layers.append(layer)
            below.append(raw)
            if layer == "zip":
                raw, member = member_of(raw, path.name)
            else:
                raw = _decompressed(raw, layer)
    except _DAMAGED as error:
        OpenedFile(raw, below).close()
        message = f"{path.name} seems to be a {layers[-1]} file and is damaged: {error}"
        raise ConfigurationError(message) from error
    except BaseException:
        OpenedFile(raw, below).close()
        raise
    return OpenedFile(raw, below), tuple(layers), member


def _check_regular(path: Path) -> None:
    """Refuse a pipe, a socket or a device: opening it may wait for ever, and a file is read more than once."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        message = (
            f"{path.name} is a pipe, a socket or a device, and only a regular file can be read: "
            "save the data in a file and give that"
        )
        raise ConfigurationError(message)


def _compression(file: BinaryIO) -> str | None:
    if isinstance(file, io.BufferedReader):
        beginning = _peeked(file)
    else:
        try:
            beginning = file.read(6)
        except _DAMAGED:
            beginning = b""
        file.seek(0)
    return next((layer for magic, layer in _MAGIC.items() if beginning.startswith(magic)), None)


def _peeked(file: io.BufferedReader) -> bytes:
    try:
        return file.peek(6)
    except _DAMAGED:
        return b""


def _decompressed(file: BinaryIO, layer: str) -> BinaryIO:
    match layer:
        case "gzip":
            return cast("BinaryIO", gzip.GzipFile(fileobj=file))
        case "bzip2":
            return cast("BinaryIO", bz2.BZ2File(file))
        case "xz":
            return cast("BinaryIO", lzma.LZMAFile(file))
        case _:
            return cast("BinaryIO", io.BufferedReader(_ZstdStream(file), _BUFFER_BYTES))


class _ZstdStream(io.RawIOBase):
    """The decompressed bytes of a zstd file, read as a stream."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow as pa

        super().__init__()
        self._stream = pa.CompressedInputStream(file, "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        found = self._stream.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)
