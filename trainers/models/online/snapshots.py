"""The format of a River model's snapshot, version 1. No pickle, and no name in it that is imported.

MessagePack of one map:

===============  ==================================================================================
``format``       ``driftline-river``
``version``      1
``river``        The River that wrote it, ``0.26``: its classes' attributes are those of the table
``kind``         A key of ``families.FAMILIES``, such as ``online-logistic``; says which classes may be met
``feature_names``  The k columns, in order
``n_learned``    How many rows were learnt
``scale``        ``n``, ``mean`` and ``squares``: k float64 each, little-endian (``scaling``)
``objects``      The model's objects as rows, see ``graphs``; their classes and attributes are in
                 ``tables``, the kinds of values in ``kinds``, generators in ``generators``, ADWIN's
                 windows in ``windows``
===============  ==================================================================================

The same model has the same bytes: attributes and rows come in a fixed order, and dictionaries in the
order of the model's own arithmetic. What is kept in the registry is verified by its hash as every file
there; a snapshot is checked all the same, value by value, and what is not as described is refused.
"""

from importlib.metadata import version as installed_version
from typing import Annotated, Any

import msgspec

from schemas.errors import StateError
from trainers.models.online.scaling import KeptScale

FORMAT = "driftline-river"
VERSION = 1
RIVER = "0.26"
#: A forest of ten trees of a hundred columns with all its leaves, and another in the background, is a fifth of it.
LARGEST_BYTES = 32 * 2**20
_MOST_OBJECTS = 2_000_000
#: As many columns as an event's features may be.
MOST_FEATURES = 1000


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    version: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot's map."""

    format: str = FORMAT
    version: int = VERSION
    river: str = RIVER
    kind: str
    feature_names: tuple[str, ...]
    n_learned: int
    scale: KeptScale
    objects: Annotated[list[list[Any]], msgspec.Meta(max_length=_MOST_OBJECTS)]


def packed(snapshot: Snapshot) -> bytes:
    """A snapshot's bytes.

    Raises:
        StateError: If they are too many, or the installed River is another one.
    """
    _check_river(RIVER)
    data = msgspec.msgpack.encode(snapshot)
    _check_size(data)
    return data


def unpacked(data: bytes) -> Snapshot:
    """The map of a snapshot's bytes; its objects are not looked at yet.

    Raises:
        StateError: If they are not a snapshot of this version and River.
    """
    _check_size(data)
    try:
        head = msgspec.msgpack.decode(data, type=_Head)
        _check_head(head)
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = f"expected the snapshot of a River model: {error}"
        raise StateError(message) from error
    _check_river(snapshot.river)
    names = snapshot.feature_names
    if not 0 < len(names) <= MOST_FEATURES or len(set(names)) != len(names) or snapshot.n_learned < 0:
        message = f"a snapshot must have 1 to {MOST_FEATURES} distinct columns, has {len(names)}"
        raise StateError(message)
    return snapshot


def _check_size(data: bytes) -> None:
    if len(data) > LARGEST_BYTES:
        message = f"a River model's snapshot must be of at most {LARGEST_BYTES} bytes, is of {len(data)}"
        raise StateError(message)


def _check_head(head: _Head) -> None:
    if (head.format, head.version) != (FORMAT, VERSION):
        message = f"expected a snapshot of format {FORMAT} version {VERSION}, is {head.format!r} version {head.version}"
        raise StateError(message)


def _check_river(stated: str) -> None:
    installed = ".".join(installed_version("river").split(".")[:2])
    if stated != installed or stated != RIVER:
        message = f"format {VERSION} is of River {RIVER}; the snapshot is of {stated!r}, and {installed} is installed"
        raise StateError(message)
