"""How many bytes the worker logged of its state, by the kind of key."""

from collections import Counter

import msgspec

from schemas.topics import changelog
from schemas.wire.administration import Administration
from schemas.wire.kafka import Positions, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.keys import parts_of

CHANGELOG = changelog("market")
_PLACES = [(CHANGELOG.name, number) for number in range(CHANGELOG.n_partitions)]


def position(endpoint: KafkaEndpoint) -> Positions:
    """Where the changelog ends now."""
    return Administration(endpoint).ends(_PLACES)


def weights(endpoint: KafkaEndpoint, starts: Positions, ends: Positions) -> Counter[str]:
    """Bytes of keys and values between two positions, by the kind of key; what was aborted is left out."""
    found: Counter[str] = Counter()
    for record in read_range(endpoint, starts, ends):
        key = record.key or b""
        found[_kind_of(key)] += len(key) + len(record.value or b"")
    return found


def _kind_of(key: bytes) -> str:
    try:
        return str(parts_of(key)[0])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return key.decode(errors="replace")
