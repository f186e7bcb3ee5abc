"""Whatever the bytes are, a parser of outside payloads reads them or raises a ContractError, in bounded time.

About a minute of ``make fuzz-parsers``, always the same cases. A finding is made again by its number.
"""

import os
from pathlib import Path

import pytest

from tests.fuzzing.parsers.cases import Cases, Fate, fate_of
from tests.fuzzing.parsers.seeds import seeds
from tests.fuzzing.parsers.targets import PARSERS

ROOT = Path(__file__).resolve().parents[3]
N_CASES = 1_000
#: Those that build a tree of HTML take milliseconds.
SLOW = (
    "coingecko coin",
    "news pages",
    "news listings",
    "news articles",
    "news feeds",
    "news paragraphs",
    "news lines",
    "news assets",
)


READS_NEARLY_ANYTHING = {
    *(
        "news lines",
        "news paragraphs",
        "news assets",
        "news categories",
        "news hashes",
        "news texts",
        "news gzip",
    )
}


@pytest.fixture(scope="module")
def cases() -> Cases:
    """Made of recordings where there are any, and of documented payloads."""
    return Cases(seeds(Path(os.environ.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))))


@pytest.mark.parametrize("name", PARSERS)
def test_no_payload_ends_in_anything_but_a_contract_error(name: str, cases: Cases) -> None:
    n = N_CASES // 5 if name in SLOW else N_CASES
    for number in range(n):
        case = cases.make(number, name)
        outcome = fate_of(case)
        found = f"case {number} of {name}, {case.payload[:300]!r}: {outcome.trace or outcome.seconds}"
        assert outcome.fate in {Fate.READ, Fate.REFUSED}, found


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_reads_some_of_its_cases_and_refuses_others(name: str, cases: Cases) -> None:
    """A target that refuses everything, or reads everything, tests nothing."""
    fates = {fate_of(cases.make(number, name)).fate for number in range(60)}

    assert Fate.READ in fates
    assert fates == {Fate.READ, Fate.REFUSED} or name in READS_NEARLY_ANYTHING
