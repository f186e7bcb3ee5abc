"""Runs ``make bench-sentiment``."""

import os
import sys
import tempfile
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream_processors.sentiment.opening import open_named
from stream_processors.sentiment.ports import PreparedText
from stream_processors.sentiment.preparing import prepare
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.sentiment.encoders import encoder_figures
from tests.benchmarks.sentiment.headlines import headlines, processor
from tests.benchmarks.sentiment.timing import processor_s, scorer_figures, timed

N = int(os.environ.get("N") or 10_000)
N_ENCODED = int(os.environ.get("N_ENCODED") or 600)
BAR_VADER_PER_S = 15_000.0


def main() -> None:
    titles, origin = headlines(N)
    print(f"{N:,} {origin}; {processor()}", flush=True)
    texts = [PreparedText(title) for title in titles]
    figures = [_preparing(titles)]
    for scorer in open_named(["vader", "vader_plain", "textblob"], {}).scorers:
        bar = BAR_VADER_PER_S if scorer.id.name == "vader" else None
        figures += scorer_figures(scorer, texts, bar=bar)
    figures.append(_library(texts))
    folder = os.environ.get("ENCODER")
    python = os.environ.get("PEER_PYTHON") or sys.executable
    with tempfile.TemporaryDirectory() as work:
        used = Path(folder) if folder else None
        figures += encoder_figures(texts[:N_ENCODED], Path(work), folder=used, python=python)
    report("sentiment", figures)


def _preparing(titles: list[str]) -> Figure:
    prepare(titles[0], None, None, "BTC")
    seconds = processor_s(lambda: [prepare(title, None, "en", "BTC") for title in titles])
    return Figure(metric="preparation", value=len(titles) / seconds, unit="headlines/s", bar=None, holds=None)


def _library(texts: list[PreparedText]) -> Figure:
    analyzer = SentimentIntensityAnalyzer()
    found = timed(lambda some: [analyzer.polarity_scores(text.title) for text in some], texts)
    return Figure(metric="vaderSentiment itself", value=found.per_s, unit="headlines/s", bar=None, holds=None)


if __name__ == "__main__":
    main()
