"""What reading the recorded captures costs: the survey of a capture, and its trades as events.

``python -m tests.benchmarks.trade_files`` prints the least processor time of five readings of each.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from producers.sources.files.forms import ReadRequest
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.reading import ticks_of_trades
from producers.sources.files.trades.records import TradeFile
from producers.sources.files.trades.surveys import TradeSurvey, survey_trades

_ROOT = Path(__file__).resolve().parents[2]
_NOT_AFTER_MS = 1_764_504_000_000
_REPEATS = 5


def least_ms(work: Callable[[], object]) -> float:
    """Return the least processor time of several runs, in milliseconds."""
    found = []
    for _ in range(_REPEATS):
        began_s = time.process_time()
        work()
        found.append(time.process_time() - began_s)
    return 1000 * min(found)


def read(file: TradeFile, chosen: TradeSurvey) -> int:
    """Return how many trades of a file are events."""
    ticks = ticks_of_trades(
        file, instrument=chosen.instrument, chosen=chosen.filter, stream="s", source="binance", from_ms=0
    )
    return sum(1 for _ in ticks)


def main(folder: Path) -> None:
    """Read every capture of a folder and print what that cost."""
    for path in sorted(folder.glob("*.gz")):
        file, request = open_trades(path, instrument=None), ReadRequest(_NOT_AFTER_MS)
        survey = survey_trades(file, request)
        survey_ms = least_ms(partial(survey_trades, file, request))
        events_ms = least_ms(partial(read, file, survey))
        click.echo(
            f"{path.name}: {survey.n_records:,} messages, {survey.n_good:,} trades; "
            f"survey {survey_ms:.0f} ms, events {events_ms:.0f} ms"
        )


if __name__ == "__main__":
    main(Path(os.environ.get("DRIFTLINE_RECORDED_DATA", _ROOT.parent / "shared" / "data")) / "ticks")
