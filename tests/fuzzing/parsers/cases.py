"""One case of fuzzing: a parser, a payload that was mutated, and what became of it. All follow from the number of the case."""

import time
import traceback
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

from schemas.errors import ContractError
from tests.fuzzing.parsers.emitted import check_emitted
from tests.fuzzing.parsers.mutations import mutated
from tests.fuzzing.parsers.targets import PARSERS

#: Of processor time, which does not depend on what else the machine does. A parser that takes longer hangs.
MOST_SECONDS = 5.0
_OWN = 0.8


class Fate(StrEnum):
    """What became of a case."""

    READ = "read"
    REFUSED = "refused"
    FOUND = "found"
    SLOW = "slow"


class Case(NamedTuple):
    """A case.

    Attributes:
        number: From which it follows.
        parser: The name of the parser.
        payload: What it reads.
    """

    number: int
    parser: str
    payload: bytes


class Outcome(NamedTuple):
    """What became of a case.

    Attributes:
        fate: In a word.
        seconds: Of processor time.
        trace: Of an error that is no ContractError.
    """

    fate: Fate
    seconds: float
    trace: str = ""


class Cases:
    """Makes cases.

    Args:
        payloads: The seeds.
        names: The parsers; all if there are none.
    """

    def __init__(self, payloads: Sequence[bytes], names: Sequence[str] = ()) -> None:
        self._payloads = payloads
        self.names = [name for name in PARSERS if not names or any(word in name for word in names)]
        self._own = {name: self._read_by(name) or list(payloads) for name in self.names}

    def _read_by(self, name: str) -> list[bytes]:
        """The seeds that a parser reads: most of its cases are made of them."""
        return [each for each in self._payloads if fate_of(Case(0, name, each)).fate is Fate.READ]

    def make(self, number: int, name: str | None = None) -> Case:
        """The case of a number, of one parser or of any."""
        chance = Random(number)
        parser = chance.choice(self.names) if name is None else name
        own = self._own[parser] if chance.random() < _OWN else self._payloads
        return Case(number, parser, mutated(chance, chance.choice(own), self._payloads))


def fate_of(case: Case) -> Outcome:
    """Let the parser read the payload, and check what it emits."""
    from_s = time.process_time()
    trace = ""
    try:
        check_emitted(PARSERS[case.parser](case.payload))
        fate = Fate.READ
    except ContractError:
        fate = Fate.REFUSED
    except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
        fate, trace = Fate.FOUND, traceback.format_exc()
    seconds = time.process_time() - from_s
    if fate is not Fate.FOUND and seconds > MOST_SECONDS:
        fate = Fate.SLOW
    return Outcome(fate, seconds, trace)
