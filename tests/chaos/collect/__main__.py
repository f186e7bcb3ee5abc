"""Runs the failures, and reports; data and logs stay in ``build/chaos/collect``.

``ONLY=cut,kill`` runs those whose names contain one of these; ``VENUES=0``, ``NEWS=0``
and ``BACKFILL=0`` leave a part out.
"""

import os
import shutil
import sys
from pathlib import Path

from tests.benchmarks.reporting import report
from tests.chaos.collect.options import read_options
from tests.chaos.collect.sessions import chaos


def main() -> None:
    """Run it; the exit code is 1 if anything was lost or doubled."""
    try:
        options = read_options(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    folder = Path("build") / "chaos" / "collect"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    figures = chaos(folder.absolute(), options)
    report("chaos-collect", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
