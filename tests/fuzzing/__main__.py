"""``make fuzz``: the codec under atheris for SECONDS (60), from a corpus of golden bytes.

libFuzzer ends its process, so a parent starts it, counts executions and findings, and is the one
that returns: 0 when nothing was found. The corpus stays in build/fuzz and grows from run to run;
what was found lies there too, and is tried first at the next run.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzzing.edits import TOKENS
from tests.fuzzing.inputs import seeds

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "fuzz"
CORPUS, FINDINGS, ATHERIS = FOLDER / "corpus", FOLDER / "findings", FOLDER / "atheris"
#: As the JIT of numba, not of the inputs, has it: a first call compiles.
_SECONDS_FOR_ONE_INPUT = 60
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main() -> int:
    """Fuzz; returns the exit code."""
    seconds = int(os.environ.get("SECONDS", "60"))
    for folder in (CORPUS, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (CORPUS / name).write_bytes(data)
    for found in FINDINGS.glob("crash-*"):
        shutil.copy(found, CORPUS / found.name)
    before = set(FINDINGS.iterdir())

    from_s = time.monotonic()
    done = subprocess.run(
        _command(seconds), cwd=ROOT, env=_environment(), stderr=subprocess.PIPE, text=True, check=False
    )
    elapsed_s = time.monotonic() - from_s

    findings = sorted(set(FINDINGS.iterdir()) - before)
    executed = _EXECUTED.search(done.stderr)
    has_failed = done.returncode != 0 or bool(findings)
    if has_failed:
        print(done.stderr[-8000:])
    print(
        f"fuzz: {int(executed[1]) if executed else 0:,} executions in {elapsed_s:.0f} s, "
        f"{len(list(CORPUS.iterdir()))} inputs in the corpus, {len(findings)} findings"
    )
    for path in findings:
        print(f"finding: {path.relative_to(ROOT)}: {path.read_bytes()[:300]!r}")
    return 1 if has_failed else 0


def _command(seconds: int) -> list[str]:
    options = {
        "max_total_time": seconds,
        "max_len": 4096,
        "timeout": _SECONDS_FOR_ONE_INPUT,
        "dict": _dictionary(),
        "artifact_prefix": f"{FINDINGS}/",
        "print_final_stats": 1,
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "tests.fuzzing.fuzzing", *flags, str(CORPUS)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ATHERIS), "NUMBA_CACHE_DIR": str(FOLDER / "numba")}


def _dictionary() -> Path:
    """The tokens of our own edits, for libFuzzer's: ``"\\xff..."`` a line."""
    path = FOLDER / "tokens.dict"
    lines = [
        '"' + "".join(f"\\x{byte:02x}" for byte in token) + '"' for token in TOKENS if 0 < len(token) < 64
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
