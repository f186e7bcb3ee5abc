"""Reads the body of an answer, never more than allowed: neither as sent nor after decompression, nor for ever.

The library would decompress each part whole, and codings on top of codings, so a few kilobytes could become
gigabytes. Here one coding is taken, and no more is decompressed than is allowed.
"""

import zlib
from collections.abc import Iterable, Mapping

from producers.sources.fetching import SourceUnreachableError
from schemas.time import Clock

#: What we tell the source that we can read.
ACCEPTED = "gzip, deflate"
_AUTOMATIC = zlib.MAX_WBITS | 32  # finds out by itself whether it is gzip or zlib


class TooLargeError(SourceUnreachableError):
    """The answer is larger than what is read; asking again would not make it smaller."""


def read_body(
    parts: Iterable[bytes],
    headers: Mapping[str, str],
    *,
    place: str,
    largest_bytes: int,
    clock: Clock,
    whole_s: float,
) -> bytes:
    """Return a whole body, decompressed.

    Args:
        parts: As they come from the network.
        headers: Of the answer, with names in lower case.
        place: The address, for errors.
        largest_bytes: Allowed as sent, and after decompression.
        clock: By which the time is measured.
        whole_s: Allowed for the whole body.

    Raises:
        TooLargeError: If it is larger; at most one part more was read.
        SourceUnreachableError: If it is compressed in another way, is damaged, or takes too long.
    """
    stated = headers.get("content-length", "")
    if stated.isdigit() and int(stated[:18]) > largest_bytes:
        raise _too_large(place, largest_bytes)
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        read = b"".join(_limited(parts, place, largest_bytes, clock, whole_s))
    elif coding in ("gzip", "x-gzip", "deflate"):
        read = _decompressed(_limited(parts, place, largest_bytes, clock, whole_s), place, largest_bytes)
    else:
        message = f"{place} answered with the coding {coding[:40]!r}, which was not asked for"
        raise SourceUnreachableError(message)
    return read


def _limited(
    parts: Iterable[bytes], place: str, largest_bytes: int, clock: Clock, whole_s: float
) -> Iterable[bytes]:
    left = largest_bytes
    until_s = clock.monotonic_s() + whole_s
    for part in parts:
        left -= len(part)
        if left < 0:
            raise _too_large(place, largest_bytes)
        if clock.monotonic_s() > until_s:
            message = f"{place} did not answer in full within {whole_s:g} s"
            raise SourceUnreachableError(message)
        yield part


def _decompressed(parts: Iterable[bytes], place: str, largest_bytes: int) -> bytes:
    found = bytearray()
    reader = None
    try:
        for part in parts:
            left = part
            while left:  # a gzip file may consist of several
                reader = _reader(left) if reader is None or reader.eof else reader
                found += reader.decompress(left, largest_bytes + 1 - len(found))
                if len(found) > largest_bytes:
                    raise _too_large(place, largest_bytes)
                left = reader.unused_data.lstrip(b"\0")
    except zlib.error as error:
        message = f"{place} answered with a damaged compressed body ({error})"
        raise SourceUnreachableError(message) from error
    if reader is not None and not reader.eof:
        message = f"{place} answered with a compressed body that ends too early"
        raise SourceUnreachableError(message)
    return bytes(found)


def _reader(first: bytes) -> "zlib._Decompress":
    """Some servers send `deflate` without the header of zlib."""
    is_bare = first[:2] != b"\x1f\x8b" and (
        first[0] & 0x0F != 8 or int.from_bytes(first[:2].ljust(2, b"\0")) % 31
    )
    return zlib.decompressobj(-zlib.MAX_WBITS if is_bare else _AUTOMATIC)


def _too_large(place: str, largest_bytes: int) -> TooLargeError:
    return TooLargeError(f"{place} answered with more than {largest_bytes:,} bytes, which is not read")
