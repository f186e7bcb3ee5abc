"""``make bench-arms``: three arms in one run of recorded June, beside three runs with one version each.

The platform is started four times on the same candles, each time in an empty data directory. The first run trains
the champion, and its stored features train the two other versions. Two runs score one of these as their only
champion, and the last one scores all three side by side. Every prediction, outcome and running record in Postgres
must be the same bit for bit. ``FROM=``, ``TO=`` and ``TARGETS=`` take another stretch and other targets.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from schemas.arms import ALIASES, CHALLENGER, CHAMPION, SHADOW
from schemas.targets import DEFAULT_TARGETS
from tests.benchmarks.arms.figures import figures_of
from tests.benchmarks.arms.running import ArmsRun, Stretch, run_arms
from tests.benchmarks.arms.versions import RECIPES, Promoted, place, promoted_versions, trained_versions
from tests.benchmarks.reporting import report
from tests.fixtures.running_demo import CANDLES, Demo
from trainers.registry.folders import FolderRegistry


def _stretch() -> Stretch:
    given = os.environ.get("DRIFTLINE_RECORDED_DATA", str(Path("..") / "shared" / "data"))
    candles = Path(given) / CANDLES
    if not candles.is_file():
        sys.exit(f"bench-arms needs the recorded candles, {candles} is missing; set DRIFTLINE_RECORDED_DATA")
    return Stretch(
        candles.resolve(),
        os.environ.get("FROM", "2025-06-01T17:20"),
        os.environ.get("TO", "2025-07-01T17:30"),
        os.environ.get("TARGETS", DEFAULT_TARGETS),
    )


def _champion_alone(folder: Path, stretch: Stretch) -> tuple[ArmsRun, dict[str, list[Promoted]]]:
    """The run that trains the champion, and the versions of all arms."""
    versions: dict[str, list[Promoted]] = {}

    def train_others(demo: Demo, stream: str) -> None:
        versions[CHAMPION] = promoted_versions(FolderRegistry(demo.registry()))
        for arm in (CHALLENGER, SHADOW):
            versions[arm] = trained_versions(
                RECIPES[arm],
                database_url=demo.database_url(),
                stream=stream,
                targets=stretch.targets,
                folder=folder / f"registry-{arm}",
            )

    return run_arms(folder, stretch, meanwhile=train_others), versions


def _scored(
    folder: Path, stretch: Stretch, versions: Mapping[str, list[Promoted]], *, kernels: Path
) -> ArmsRun:
    """A run whose registry holds the versions of some arms from its beginning, and that need not compile."""
    place(versions, folder / "data" / "registry")
    shutil.copytree(kernels, folder / "data" / kernels.name)
    return run_arms(folder, stretch)


def main() -> None:
    """Run it."""
    stretch = _stretch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / CHAMPION).mkdir()
        run, versions = _champion_alone(folder / CHAMPION, stretch)
        alone = {CHAMPION: run}
        kernels = folder / CHAMPION / "data" / "numba"
        for arm in (CHALLENGER, SHADOW):
            alone[arm] = _scored(folder / arm, stretch, {CHAMPION: versions[arm]}, kernels=kernels)
        together = _scored(
            folder / "together", stretch, {arm: versions[arm] for arm in ALIASES}, kernels=kernels
        )
    report("arms", figures_of(alone, together))


if __name__ == "__main__":
    main()
