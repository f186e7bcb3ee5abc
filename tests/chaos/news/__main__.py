"""Kills the agent while the recorded articles flow, on the embedded broker and on Apache Kafka, and reports."""

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.duplicates.articles import FILE, recorded_articles
from tests.benchmarks.reporting import report
from tests.chaos.news.options import read_options
from tests.chaos.news.sessions import chaos_on


def main() -> None:
    """Run it; exit code 1 when something does not hold."""
    try:
        options = read_options(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    folder = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", str(Path("..") / "shared" / "data")))
    if not (folder / FILE).is_file():
        sys.exit(
            f"{folder / FILE} is missing: set DRIFTLINE_RECORDED_DATA to the folder of the recorded data"
        )
    articles = recorded_articles(folder)[: options.n_articles]
    figures = []
    Path("build").mkdir(exist_ok=True)
    for broker in options.brokers:
        with tempfile.TemporaryDirectory(dir="build", prefix=f"chaos-news-{broker}-") as directory:
            figures += chaos_on(broker, Path(directory).absolute(), articles, options)
    report("news", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
