"""The payloads that are mutated: recorded ones, shortened, and documented ones."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzzing.parsers.samples import NEWS, SAMPLES

_MOST_ROWS = 10
_LONGEST = 20_000
_MESSAGES_OF_A_SESSION = 400


def seeds(recorded: Path | None) -> list[bytes]:
    """Every payload, each once.

    Args:
        recorded: The folder of the recorded data; None if there is none.
    """
    found = [json.dumps(each).encode() for each in SAMPLES] + list(NEWS)
    if recorded is not None and recorded.is_dir():
        found += _recorded(recorded)
    return list(dict.fromkeys(found))


def _recorded(folder: Path) -> Iterator[bytes]:
    messages = folder / "venue_messages"
    for path in sorted([*messages.glob("*/*.json"), *(folder / "feeds").glob("*")]):
        yield from _short(path.read_bytes())
    for path in sorted(messages.glob("captures_*/*.gz")):
        yield from _session(path)


def _session(path: Path) -> Iterator[bytes]:
    """One message of each length class and first word, since most of a session repeats itself."""
    seen: set[tuple[bytes, int]] = set()
    with gzip.open(path) as lines:
        for line in lines:
            payload = re.sub(rb"^(?:\S+ -> )?[\d.]+: ", b"", line.strip())
            kind = payload[:30], len(payload) // 100
            if payload[:1] in {b"{", b"["} and kind not in seen and len(seen) < _MESSAGES_OF_A_SESSION:
                seen.add(kind)
                yield from _short(payload)


def _short(payload: bytes) -> Iterator[bytes]:
    if len(payload) > _LONGEST:
        try:
            payload = json.dumps(_shortened(json.loads(payload))).encode()
        except ValueError:
            payload = payload[:_LONGEST]
    yield payload


def _shortened(value: Any) -> Any:
    if isinstance(value, list):
        return [_shortened(each) for each in value[:_MOST_ROWS]]
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return value[:2_000] if isinstance(value, str) else value
