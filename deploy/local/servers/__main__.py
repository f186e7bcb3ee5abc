"""Measures the servers in a temporary directory: ``python -m deploy.local.servers [apache]``."""

import os
import sys
import tempfile
from pathlib import Path

from deploy.local.servers.measuring import measure_apache, measure_embedded


def main() -> None:
    """Measure the embedded servers, or Apache Kafka."""
    measure = measure_apache if sys.argv[1:] == ["apache"] else measure_embedded
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), dict(os.environ), print)


if __name__ == "__main__":
    main()
