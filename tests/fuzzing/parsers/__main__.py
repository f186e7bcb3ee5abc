"""``make fuzz-parsers SECONDS=60 [FIRST=0] [N=1] [PARSERS=kraken,news]``: mutated payloads for every parser.

A child reads; its parent watches. A case that does not end within a minute, or for which the memory does not suffice
(1 GB beyond that of the start), ends the child: the parent names the case, and starts the next child behind it. A
finding is made again by ``FIRST=number N=1``, and its payload lies in build/fuzz/parsers. The exit code is 0 if there is none.
"""

import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tests.fuzzing.parsers.cases import Case, Cases, Fate, fate_of
from tests.fuzzing.parsers.seeds import seeds

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "fuzz" / "parsers"
_HANGS_AFTER_S = 60.0
_MOST_MEMORY = 2**30
_MOST_FINDINGS = 20


class Counts:
    """What children and parent share: the case under way, and how many had which fate."""

    def __init__(self) -> None:
        self.number: Synchronized[int] = multiprocessing.Value("q", 0)
        self.n_done: Synchronized[int] = multiprocessing.Value("q", 0)
        self.fates = {fate: multiprocessing.Value("q", 0) for fate in Fate}
        self.slowest_us: Synchronized[int] = multiprocessing.Value("q", 0)
        self.memory_kb: Synchronized[int] = multiprocessing.Value("q", 0)


def _made() -> Cases:
    recorded = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    return Cases(seeds(recorded), [each for each in os.environ.get("PARSERS", "").split(",") if each])


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read(counts: Counts, first: int, last: int | None, until_s: float) -> None:
    """The child: reads one case after another."""
    cases = _made()
    _limit_memory()
    number = first
    while time.monotonic() < until_s and (last is None or number < last):
        counts.number.value = number
        case = cases.make(number)
        outcome = fate_of(case)
        counts.fates[outcome.fate].value += 1
        counts.n_done.value += 1
        counts.slowest_us.value = max(counts.slowest_us.value, int(outcome.seconds * 1e6))
        if outcome.fate in {Fate.FOUND, Fate.SLOW}:
            _report(case, f"{outcome.fate} after {outcome.seconds:.2f} s\n{outcome.trace}")
        number += 1
    counts.memory_kb.value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _report(case: Case, what: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"case-{case.number}.bin"
    path.write_bytes(case.payload)
    print(f"FINDING: case {case.number}, {case.parser}, {path.relative_to(ROOT)}: {what}", flush=True)


def _watch(child: multiprocessing.process.BaseProcess, counts: Counts) -> bool:
    """Whether the child ended by itself and well; one that makes no progress is ended."""
    n_done, since_s = -1, time.monotonic()
    while child.is_alive():
        child.join(1.0)
        if counts.n_done.value != n_done:
            n_done, since_s = counts.n_done.value, time.monotonic()
        elif time.monotonic() - since_s > _HANGS_AFTER_S:
            child.kill()
            child.join()
    return child.exitcode == 0


def main() -> int:
    """Fuzz; returns the exit code."""
    first, n = int(os.environ.get("FIRST") or 0), os.environ.get("N")
    last = None if not n else first + int(n)
    from_s = time.monotonic()
    until_s = from_s + float(os.environ.get("SECONDS") or 60) if last is None else float("inf")
    counts, n_ended = Counts(), 0
    while time.monotonic() < until_s and n_ended + counts.fates[Fate.FOUND].value < _MOST_FINDINGS:
        child = multiprocessing.get_context("fork").Process(target=_read, args=(counts, first, last, until_s))
        child.start()
        if _watch(child, counts):
            break
        n_ended += 1
        first = counts.number.value + 1
        print(
            f"FINDING: case {counts.number.value} ended the process (exit {child.exitcode}) or did not end",
            flush=True,
        )
    shown = Counter({str(fate): count.value for fate, count in counts.fates.items()})
    fates = ", ".join(f"{count:,} {fate}" for fate, count in shown.items())
    print(
        f"fuzz-parsers: {counts.n_done.value:,} cases in {time.monotonic() - from_s:.0f} s: {fates}; slowest "
        f"{counts.slowest_us.value / 1e6:.2f} s, at most {counts.memory_kb.value // 1024} MB, {n_ended} ended the process"
    )
    return 1 if n_ended or shown[Fate.FOUND] or shown[Fate.SLOW] else 0


if __name__ == "__main__":
    sys.exit(main())
