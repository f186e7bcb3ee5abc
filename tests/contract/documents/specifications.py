"""The AsyncAPI initiative's own JSON Schema of its documents, from the package that it publishes.

PyPI has it in no package, so npm fetches it once into build/; its hash is pinned here.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

_PACKAGE = "@asyncapi/specs@6.11.1"
_SHA256 = "01af8744dc33c0c7eb2e908f6a955319ee58b70ecadc9387d1aeb16c0cd28928"
_MEMBER = "package/schemas/3.0.0-without-$id.json"
_FOLDER = Path(__file__).resolve().parents[3] / "build" / "asyncapi"
_REQUIRED = "DRIFTLINE_REQUIRE_ASYNCAPI_SCHEMA"


@pytest.fixture(scope="session")
def asyncapi_schema() -> dict[str, Any]:
    """Of version 3.0.0; a test that asks for it is skipped where npm cannot fetch it."""
    archive = _FOLDER / "specs.tgz"
    if not archive.exists():
        problem = _fetched(archive)
        if problem is not None:
            (pytest.fail if _REQUIRED in os.environ else pytest.skip)(problem)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == _SHA256
    with tarfile.open(archive) as opened:
        member = opened.extractfile(_MEMBER)
        assert member is not None
        return json.load(member)


def _fetched(archive: Path) -> str | None:
    """Fetch the package; returns what went wrong, if anything did."""
    npm = shutil.which("npm")
    if npm is None:
        return f"no npm, which fetches {_PACKAGE}"
    folder = archive.parent / f"fetching-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--silent", "--pack-destination", str(folder), _PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
        found = list(folder.glob("*.tgz"))
        if done.returncode or not found:
            return f"npm could not fetch {_PACKAGE}: {done.stderr[-300:]}"
        found[0].replace(archive)
    except subprocess.TimeoutExpired:
        return f"npm did not fetch {_PACKAGE} within a minute"
    finally:
        shutil.rmtree(folder)
    return None
