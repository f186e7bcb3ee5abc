"""Runs the faults on Apache Kafka, one node and three, and reports."""

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.reporting import report
from tests.chaos.stream.options import read_options
from tests.chaos.stream.sessions import chaos


def main() -> None:
    """Run it; exit code 1 when a bar or the identity does not hold."""
    try:
        options = read_options(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build", prefix="chaos-stream-") as folder:
        figures = chaos(Path(folder).absolute(), options)
    report("chaos-stream", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
