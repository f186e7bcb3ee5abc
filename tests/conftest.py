"""Fixtures for every test: the recorded data, seeds, and (from tests.fixtures.servers) real servers."""

import os
from pathlib import Path

import hypothesis
import pytest

from deploy.local.environments import kernel_hash
from schemas.wire.processes import single_matrix_thread

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.apache",
    "tests.fixtures.disks",
    "tests.fixtures.mirrors",
    "tests.fixtures.pgbouncers",
]

ROOT = Path(__file__).resolve().parent.parent

# Before numba is imported: its own cache would go on with a kernel whose other modules have changed.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba" / kernel_hash()))

# Before numpy is imported, as every command does: the threads of one product wait for each other where cores are busy.
single_matrix_thread(os.environ)

# A busy machine is no fault of the code: how long an example takes is never a test.
hypothesis.settings.register_profile("driftline", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("driftline")


#: Where tests run servers and processes, whose order and pace a busy machine changes.
_LOADED = tuple(
    ROOT / "tests" / name for name in ("jobs", "contract/brokers", "integration", "end_to_end", "chaos")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what ``make test-loaded`` runs beside busy processes."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _LOADED):
            item.add_marker(pytest.mark.loaded)


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded market data; a test that asks for it is skipped where it is missing."""
    folder = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "MANIFEST.md").exists():
        missing = f"no recorded data in {folder}: set DRIFTLINE_RECORDED_DATA to its folder"
        if "DRIFTLINE_REQUIRE_RECORDED_DATA" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return folder
