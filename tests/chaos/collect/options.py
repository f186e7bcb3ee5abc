"""What of the failures is run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]


class Options(NamedTuple):
    """What is run.

    Attributes:
        data: The folder of recorded data.
        only: Parts of the names of the failures that are run; empty for all.
        has_venues: Whether the venues are part of it.
        has_news: Whether the news are part of it.
        has_backfill: Whether the backfill of six months is.
        history_days: How much history is published before.
        n_warm_up_kills: How often the warm-up is killed.
    """

    data: Path
    only: tuple[str, ...] = ()
    has_venues: bool = True
    has_news: bool = True
    has_backfill: bool = True
    history_days: int = 1
    n_warm_up_kills: int = 3

    def wants(self, name: str) -> bool:
        """Say whether a failure is run."""
        return not self.only or any(part in name for part in self.only)


#: What a test runs.
QUICK_ONLY = (
    "cut in mid-message",
    "away for 40 s",
    "kill -9 while it refills",
    "bodies cut off",
    "kill -9 after 2 s",
)


def read_options(environment: Mapping[str, str]) -> Options:
    """Return what the variables ask for.

    Raises:
        ValueError: If the recorded data are missing.
    """
    data = Path(environment.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "MANIFEST.md").exists():
        raise ValueError(f"no recorded data in {data}: set DRIFTLINE_RECORDED_DATA to their folder")
    only = tuple(part.strip() for part in environment.get("ONLY", "").split(",") if part.strip())
    parts = {
        f"has_{name.lower()}": environment.get(name, "1") != "0" for name in ("VENUES", "NEWS", "BACKFILL")
    }
    return Options(data, only, **parts)


def process_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return what the processes are started with: this environment without settings of a run, and what is added."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
    cache = {"NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]} if "NUMBA_CACHE_DIR" in os.environ else {}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **cache, **extra}
