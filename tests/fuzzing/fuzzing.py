"""The process that libFuzzer runs in: mutates, and holds each input against the oracle.

The codec's work is done in C, which shows no coverage; the pure-Python reference that it is held
against does, and leads atheris into every branch of JSON.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["json", "schemas", "tests.fuzzing.oracle"]):
    import json.decoder
    import json.scanner  # noqa: F401  (instrumented)

    from tests.fuzzing import oracle

from schemas.topics import MARKET_TICK
from tests.fuzzing.edits import TOKENS, Edit, Of, edited, number
from tests.fuzzing.inputs import messages, taken_apart

VALUES = list(messages().values())
_PLAIN = bytes([255]) + messages()["plain_tick"]
_FARTHEST = 10_000
_scanning = oracle.ScanOracle(
    [value for value in VALUES if b'"TickObserved"' in value or b'"Watermark' in value]
)


def test_one_input(data: bytes) -> None:
    """What libFuzzer calls; an exception is a finding."""
    topic, value = taken_apart(data)
    oracle.check(topic, value)
    if topic is MARKET_TICK:
        _scanning.check(value)


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time our own edits of JSON, otherwise libFuzzer's of bytes."""
    chance = random.Random(seed)
    if chance.random() < 0.5 or not data:
        return atheris.Mutate(data, max_size)
    if chance.random() < 0.3:
        data = _PLAIN  # or too few inputs would be near what the scan takes
    edits = [_edit(chance) for _ in range(chance.randint(1, 4))]
    return (data[:1] + edited(data[1:], edits))[:max_size]


def _edit(chance: random.Random) -> Edit:
    at, draw = chance.randrange(_FARTHEST), chance.random()
    if draw < 0.4:
        return Edit(Of.NUMBERS, at, 1, _number(chance))
    token = chance.choice(VALUES) if draw < 0.45 else chance.choice(TOKENS)
    return Edit(Of.BYTES if draw > 0.8 else Of.PARTS, at, chance.randrange(4), token)


def _number(chance: random.Random) -> bytes:
    """Often near what a float64 or 64 bits hold exactly."""
    n_bits = chance.choice((53, 54, 63, 64, chance.randint(1, 66)))
    return number(chance.getrandbits(n_bits), chance.randrange(19))


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input, custom_mutator=mutated)
    atheris.Fuzz()
