"""The format of a River model's snapshot, version 1. It is no pickle, and no name in it is imported.

MessagePack of one map:

===============  ==================================================================================
``format``       ``driftline-river``
``version``      1
``river``        The version of River that wrote it, ``0.26``; the table lists the attributes of its classes
``kind``         A key of ``families.FAMILIES``, such as ``online-logistic``; it decides which classes may occur
``feature_names``  The k columns, in order
``n_learned``    How many rows were learnt
``scale``        ``n``, ``mean`` and ``squares``: k float64 each, little-endian (``scaling``)
``objects``      The model's objects as rows, see ``graphs``; their classes and attributes are in
                 ``tables``, the kinds of values in ``kinds``, generators in ``generators``, ADWIN's
                 windows in ``windows``
===============  ==================================================================================

The same model has the same bytes: attributes and rows come in a fixed order, and dictionaries in the
order of the model's own arithmetic. The registry verifies the hash of a snapshot, as of every file. All the same, a
snapshot is checked value by value, and a snapshot of another form is refused.
"""

from importlib.metadata import version as installed_version
from typing import Annotated, Any

import msgspec

from schemas.errors import StateError
from trainers.models.online.scaling import KeptScale

FORMAT = "driftline-river"
VERSION = 1
RIVER = "0.26"
#: Five times a forest of ten trees of a hundred columns with all its leaves, and another forest in the background.
LARGEST_BYTES = 32 * 2**20
_MOST_OBJECTS = 2_000_000
#: The most features that an event may have.
MOST_FEATURES = 1000


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    version: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The map of a snapshot."""

    format: str = FORMAT
    version: int = VERSION
    river: str = RIVER
    kind: str
    feature_names: tuple[str, ...]
    n_learned: int
    scale: KeptScale
    objects: Annotated[list[list[Any]], msgspec.Meta(max_length=_MOST_OBJECTS)]


def packed(snapshot: Snapshot) -> bytes:
    """Returns the bytes of a snapshot.

    Raises:
        StateError: If there are too many bytes, or another version of River is installed.
    """
    _check_river(RIVER)
    data = msgspec.msgpack.encode(snapshot)
    _check_size(data)
    return data


def unpacked(data: bytes) -> Snapshot:
    """Returns the map of the bytes of a snapshot; the objects are not checked yet.

    Raises:
        StateError: If the bytes are not a snapshot of this format and of this version of River.
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
