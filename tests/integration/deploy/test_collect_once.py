"""``driftline collect --once`` where nothing runs: it starts what it needs, and what it collected outlives it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.directories import DataDirectory
from tests.mirror.running import RunningMirror

LONGEST_S = 280


def once(data_dir: Path, mirror: RunningMirror) -> tuple[int, dict[str, dict]]:
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.local", "collect", "--once", "--json"],
        env={**os.environ, "DRIFTLINE_DATA_DIR": str(data_dir), "DRIFTLINE_SOURCES_MIRROR": mirror.address},
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    found = json.loads(ran.stdout) if ran.stdout else {"sources": []}
    return ran.returncode, {each["source"]: each for each in found["sources"]}


def test_a_scheduled_workflow_needs_no_launcher(tmp_path: Path, mirror: RunningMirror) -> None:
    data_dir = tmp_path / "data"
    code, first = once(data_dir, mirror)
    assert code == 0
    assert {name: each["new"] for name, each in first.items()} == {
        "coingecko": 1,
        "coindesk": 15,
        "cryptoslate": 5,
    }
    assert DataDirectory(data_dir).holder() is None
    assert not DataDirectory(data_dir).endpoints.exists()

    mirror.fail("status", host="cryptoslate.com", status=451)
    code, again = once(data_dir, mirror)
    assert code == 0
    assert [each["new"] for each in again.values()] == [0, 0, 0]
    assert {name: each["state"] for name, each in again.items()}["cryptoslate"] == "refused"

    mirror.fail("status", host="*", status=500)
    code, none = once(data_dir, mirror)
    assert code == 1
    assert {each["state"] for each in none.values()} == {"failing", "refused"}
