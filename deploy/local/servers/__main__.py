"""Measures the embedded servers' starts, ends and memory: ``python -m deploy.local.servers``."""

import os
import tempfile
import time
from pathlib import Path

import psutil

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings

_MIB = 1024 * 1024


def main() -> None:
    """Start them twice in a temporary directory: the first start makes the database."""
    with tempfile.TemporaryDirectory() as folder:
        settings = LauncherSettings(data_dir=Path(folder) / "data")
        for what in ("first start", "next start"):
            began_s = time.perf_counter()
            with running_servers(settings, dict(os.environ)):
                print(f"{what}, topics and tables included: {time.perf_counter() - began_s:.2f} s")
                for child in psutil.Process().children():
                    tree = [child, *child.children(recursive=True)]
                    resident = sum(process.memory_info().rss for process in tree) / _MIB
                    print(f"  {child.name()}: {resident:.0f} MiB resident in {len(tree)} processes")
                began_s = time.perf_counter()
            print(f"  end: {time.perf_counter() - began_s:.2f} s")


if __name__ == "__main__":
    main()
