"""The virtual environments of the peers: one each, made from a lock beside their programs.

They cannot share ours: quix-streams, for one, needs an older confluent-kafka.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.stream.telling import tell

FOLDER = Path("build") / "peers"
LOCKS = Path("tests") / "benchmarks" / "stream" / "peers" / "locks"


def python_of(name: str, *, locks: Path = LOCKS) -> Path:
    """The interpreter of a peer's environment, which is made when it is missing or its lock is newer."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    lock = locks / f"{name}.txt"
    mark = folder / ".installed"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return python
    tell(f"{name}: installing into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    mark.write_bytes(lock.read_bytes())
    return python


def version_in(name: str, package: str) -> str:
    """The version that a peer's lock states."""
    for line in (LOCKS / f"{name}.txt").read_text().splitlines():
        stated, _, version = line.rstrip(" \\").partition("==")
        if stated == package:
            return version
    message = f"{LOCKS / name}.txt does not state {package}"
    raise KeyError(message)
