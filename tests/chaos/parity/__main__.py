"""The two-day replay of both coins at full speed, again and again, with busy loops beside it.

What is joined and predicted must not depend on how busy the machine is: every run has every vector and
every prediction of the files, to the bit. One run proves little, so this runs many and prints a line each::

    RUNS=20 BUSY=2 python -m tests.chaos.parity
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from schemas.features import FeatureTable
from tests.fixtures.companion_runs import Replayed, expected_vectors, recorded_files, replay_both


@contextmanager
def busy_loops(n_loops: int) -> Iterator[None]:
    """Processes that do nothing as fast as they can, within the block."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n_loops)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def digest(table: FeatureTable) -> str:
    """Of the as-of times and every value of a table."""
    whole = hashlib.sha256(np.ascontiguousarray(table.as_of_ms).tobytes())
    whole.update(np.ascontiguousarray(table.values).tobytes())
    return whole.hexdigest()[:16]


def line_of(found: Replayed, expected: FeatureTable) -> tuple[bool, str]:
    """Whether a run has everything, and its line."""
    n_missing = len(set(expected.as_of_ms.tolist()) - set(found.vectors.as_of_ms.tolist()))
    parity = found.backtests["file"]["parity"]
    is_same = digest(found.vectors) == digest(expected) and parity["replayed"] == parity["live"]
    text = (
        f"vectors {len(found.vectors.as_of_ms):,} of {len(expected.as_of_ms):,}, missing {n_missing:,}, "
        f"hash {digest(found.vectors)} of {digest(expected)}; predictions {parity['n_live']:,}, "
        f"hash {str(parity['live'])[:16]} of {str(parity['replayed'])[:16]}"
    )
    return is_same, text


def main() -> None:
    """Run it; exit code 1 when a run lost or changed anything."""
    n_runs, n_loops = int(os.environ.get("RUNS", "20")), int(os.environ.get("BUSY", "2"))
    files = recorded_files(Path(os.environ.get("DRIFTLINE_RECORDED_DATA", "../shared/data")).absolute())
    expected, n_held = expected_vectors(files), 0
    for number in range(1, n_runs + 1):
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="parity-") as folder:
            try:
                with busy_loops(n_loops):
                    found = replay_both(Path(folder), files, over=("file",))
            except AssertionError as error:
                is_same, text = False, str(error)
            else:
                is_same, text = line_of(found, expected)
        n_held += is_same
        verdict = "whole" if is_same else "BROKEN"
        print(f"run {number}: {verdict} in {time.monotonic() - began_s:.0f} s: {text}", flush=True)
    print(f"{n_held} of {n_runs} runs are whole, with {n_loops} busy loops beside them", flush=True)
    if n_held < n_runs:
        sys.exit(1)


if __name__ == "__main__":
    main()
