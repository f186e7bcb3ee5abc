"""What is said of a file that has no known form, in one sentence."""

from producers.sources.files.decompressing import FileHead

_SIGNATURES = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
}
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_EXPECTED = (
    "expected candles (columns of times, open, high, low, close and volume in CSV, JSON, parquet or feather), "
    "trades, or a WebSocket capture, compressed or not"
)


def not_recognised(head: FileHead) -> str:
    """Return one sentence about a file of no known form: what it seems to be, and what was expected."""
    if not head.beginning:
        why = f" ({head.fault})" if head.fault else ""
        return f"{head.name} is empty{why}: {_EXPECTED}"
    if head.beginning.startswith(_OLD_WORKBOOK):
        return f"{head.name} seems to be a workbook of a spreadsheet program: save its sheet as CSV and give that"
    return f"{head.name} seems to be {_seems(head)}: {_EXPECTED}"


def _seems(head: FileHead) -> str:
    found = next((name for mark, name in _SIGNATURES.items() if head.beginning.startswith(mark)), None)
    if found is not None:
        return found
    return (
        "of an unknown binary form" if b"\x00" in head.beginning[:4096] else "text without a table of these"
    )
