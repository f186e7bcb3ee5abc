"""Random faults in files of trades of every form: each file is read to its true trades, or refused in one line.

``make fuzz-trades N=10000`` makes so many files and prints what became of them, by form and by fault. An ``AssertionError`` shows the file that was read wrongly.
"""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from producers.normalise.trades import TradeKind
from producers.sources.files.forms import ReadRequest
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.reading import good_trades
from producers.sources.files.trades.records import TradeFile
from producers.sources.files.trades.surveys import TradeSurvey, survey_trades
from schemas.errors import ConfigurationError
from tests.fakes.trade_faults import FaultyFile, faulty_file
from tests.fakes.trade_files import NOT_AFTER_MS, trades

N_TRADES = 120


def fate_of(made: FaultyFile) -> str:
    """Hold what is read of a file against what is true of it.

    Returns:
        What became of it: ``read`` or ``refused``.
    """
    try:
        file = open_trades(made.path, instrument=None)
        survey = survey_trades(file, ReadRequest(NOT_AFTER_MS))
    except ConfigurationError as error:
        refusal = str(error)
    else:
        _check_trades(made, file, survey)
        return "read"
    assert refusal.isprintable(), made.faults
    return "refused"


def _check_trades(made: FaultyFile, file: TradeFile, survey: TradeSurvey) -> None:
    read = list(good_trades(file, instrument=survey.instrument, chosen=survey.filter))
    values = [(each.trade.time_ms, each.trade.price, each.trade.size) for each in read]
    true = [(each.time_ms, each.price, each.size) for each in made.kept]
    assert survey.instrument == made.instrument, made.faults
    assert set(values) <= set(true), made.faults
    assert made.is_partial or set(values) == set(true), made.faults
    assert [each.known_ms for each in read] == sorted(each.known_ms for each in read), made.faults
    assert len(read) == survey.n_good, made.faults
    n_aside = sum(rows.count for rows in survey.set_aside.values())
    n_messages = sum(
        n for kind, n in survey.n_messages.items() if kind not in {*TradeKind, "match", "publicTrade"}
    )
    assert survey.n_good + n_aside + n_messages >= survey.n_records, made.faults
    if made.has_ids and not survey.filter.is_numbered:
        truth = {each.trade_id: value for each, value in zip(made.kept, true, strict=True)}
        assert all(truth[each.trade_id] == value for each, value in zip(read, values, strict=True)), (
            made.faults
        )


def main(n: int) -> None:
    """Make and judge files, and print what became of them.

    Args:
        n: How many.
    """
    found: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        for seed in range(n):
            made = faulty_file(Path(folder), trades(N_TRADES), seed)
            fate = fate_of(made)
            found.update(f"{fate}: {word or 'no compression'}" for word in made.faults)
            found[fate] += 1
            made.path.unlink()
    for what, count in sorted(found.items()):
        click.echo(f"{count:7,} {what}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
