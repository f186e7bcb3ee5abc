"""Options that several commands share: files, what is predicted, and what it is judged on."""

from collections.abc import Callable
from pathlib import Path

import click

NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

#: What is predicted, and where what may be learnt ends; of every command that fits and judges.
_KNOWN = (
    click.option(
        "--bars", type=FILE, required=True, help="Candles (parquet or CSV) whose direction is predicted."
    ),
    click.option("--bars-eth", type=FILE, help="Candles of another instrument, as further features."),
    click.option("--perp", type=FILE, help="Candles of the perpetual, for its premium as a feature."),
    click.option("--news", type=FILE, help="Articles with a timestamp each, for counts as features."),
    click.option(
        "--outcomes",
        type=FILE,
        help="Shorter candles of the same instrument to read outcomes and lags from.",
    ),
    click.option(
        "--interval", required=True, help="Between decisions; longer than the file's bars rolls these up."
    ),
    click.option(
        "--also",
        metavar="INTERVALS",
        help="Further intervals of the same bars whose features stand beside, such as 5m,1h.",
    ),
    click.option("--horizon", required=True, help="How far ahead is predicted."),
    click.option(
        "--train-until", required=True, help="The test begins here: a day or time in UTC, such as 2019-01-01."
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Of the bootstrap intervals.",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Fits at a time; by default one per core."),
    click.option(
        "--uniqueness-weights",
        "is_weighted",
        is_flag=True,
        help="Labels that overlap share their weight in fitting.",
    ),
)
#: And on which stretch, with refits on the way.
_TEST = (
    click.option("--test-until", help="The test ends here; by default with the file."),
    click.option(
        "--thresholds",
        default="weekly",
        show_default=True,
        help="Of confidence: weekly from the trailing quarter, or quarterly from the trailing half year.",
    ),
    click.option(
        "--refit", default="quarterly", show_default=True, help="weekly, monthly, quarterly, yearly or never."
    ),
)


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that state what to judge on."""
    for option in reversed((*_KNOWN, *_TEST)):
        command = option(command)
    return command


def asking_what_is_known(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a question that ends with what may be learnt."""
    for option in reversed(_KNOWN):
        command = option(command)
    return command
