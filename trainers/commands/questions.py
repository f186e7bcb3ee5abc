"""The options that several commands share: files, what is predicted, and what it is judged on."""

from collections.abc import Callable
from pathlib import Path

import click

from producers.jobs.reading_options import CLOSE_STAMPED, NO_TRADE

NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

NEWS_DELAY = click.option(
    "--news-delay",
    type=click.IntRange(0, 1_440),
    default=5,
    show_default=True,
    help="Minutes after its published time at which an article of --news counts as first seen.",
)

#: What is predicted, and where the training data end; of every command that fits and judges.
_KNOWN = (
    click.option(
        "--bars", type=FILE, required=True, help="Candles of the instrument whose direction is predicted."
    ),
    click.option("--bars-eth", type=FILE, help="Candles of another coin, as further features."),
    click.option("--perp", type=FILE, help="Candles of the perpetual, for its premium as a feature."),
    click.option(
        "--news",
        type=FILE,
        help="Articles (columns timestamp, headline, url), whose scores by the scorers of DRIFTLINE_SCORERS become features.",
    ),
    NEWS_DELAY,
    click.option(
        "--outcomes",
        type=FILE,
        help="Shorter candles of the same instrument, from which outcomes and late entries are read.",
    ),
    click.option(
        "--interval",
        required=True,
        help="The time between decisions. If it is longer than the file's bars, these are rolled up. Lengths that "
        "no run has, such as 45m, 3d or 1w, are evaluated, too.",
    ),
    click.option(
        "--also",
        metavar="INTERVALS",
        help="Further intervals of the same bars whose features are added, such as 5m,1h.",
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
        help="The seed of the bootstrap intervals.",
    ),
    NO_TRADE,
    CLOSE_STAMPED,
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="How many fits run at the same time. Default: one for each core.",
    ),
    click.option(
        "--uniqueness-weights",
        "is_weighted",
        is_flag=True,
        help="Labels that overlap share their weight in fitting.",
    ),
)
#: The stretch of the test, and its refits.
_TEST = (
    click.option("--test-until", help="The test ends here. Default: with the file."),
    click.option(
        "--thresholds",
        default="weekly",
        show_default=True,
        help="How often thresholds of confidence are set: weekly from the trailing quarter, or quarterly from the trailing half year.",
    ),
    click.option(
        "--refit",
        default="quarterly",
        show_default=True,
        help="How often the model is refitted: weekly, monthly, quarterly, yearly or never.",
    ),
)


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command that state what to judge and on which stretch."""
    for option in reversed((*_KNOWN, *_TEST)):
        command = option(command)
    return command


def asking_what_is_known(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command that state what to learn, without a stretch to test on."""
    for option in reversed(_KNOWN):
        command = option(command)
    return command
