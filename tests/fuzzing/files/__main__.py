"""``make fuzz-files``: N faulty files of every form are read to their true rows, or refused in one line.

The seeds follow each other, so that a finding can be made again: ``FIRST=123 N=1 make fuzz-files``.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fakes.faulty_files import faulty_file, recorded_closes
from tests.fakes.file_laws import verdict

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    """Hold the files against the law; returns the exit code."""
    first, n = int(os.environ.get("FIRST", "0")), int(os.environ.get("N", "1000"))
    data = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    closes = recorded_closes(data)
    counts: Counter[str] = Counter()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + n):
            file = faulty_file(seed, closes)
            try:
                refusal = verdict(file, Path(folder))
            except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding, and the next file is tried)
                counts["wrong"] += 1
                print(f"WRONG {file.what}: {type(error).__name__} {' '.join(str(error).split())[:300]}")
                continue
            counts["read" if refusal is None else "refused"] += 1
            if refusal is not None and os.environ.get("SHOW"):
                print(f"refused {file.what}: {refusal}")
    print(
        f"{n:,} files in {time.monotonic() - began_s:.0f} s: "
        + ", ".join(f"{m:,} {what}" for what, m in counts.items())
    )
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
