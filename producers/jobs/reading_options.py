"""The options that tell what a file of candles cannot tell; every command that reads one has them."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from producers.sources.files.forms import ReadRequest
from schemas.instruments import parse_instrument

NO_TRADE = click.option(
    "--no-trade-minutes",
    type=click.FloatRange(min=0),
    help="A hole of at most this many minutes had no trade; 0 takes every hole for an outage. By default as the "
    "venue is known.",
)
CLOSE_STAMPED = click.option(
    "--close-stamped/--open-stamped",
    "close_stamped",
    default=None,
    help="Whether the rows state the times of closes or of opens. By default as the file tells.",
)
INSTRUMENT = click.option(
    "--instrument", help="What the file holds, such as BTC-USD.KRAKEN, where it cannot tell."
)


def reading(*options: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command some of these options, in this order."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def read_request(
    options: Mapping[str, Any], environment: Mapping[str, str], *, not_after_ms: int
) -> ReadRequest:
    """Return what is known beside a file: the options, and the variables where an option is not given.

    Args:
        options: ``no_trade_minutes``, ``close_stamped`` and ``instrument``, as far as the command has them.
        environment: DRIFTLINE_NO_TRADE_MINUTES and so on.
        not_after_ms: No candle closes later than this: the wall clock.

    Raises:
        ConfigurationError: If a variable or the instrument has another form.
    """
    from producers.settings import ProducerSettings

    names = ("instrument", "no_trade_minutes", "close_stamped")
    variables = {name: f"DRIFTLINE_{name.upper()}" for name in names}
    known = {variable: environment[variable] for variable in variables.values() if variable in environment}
    stated = {variables[name]: str(options[name]) for name in names if options.get(name) is not None}
    settings = ProducerSettings.from_environment(known | stated)
    instrument = str(parse_instrument(settings.instruments[0])) if settings.instruments else None
    return settings.read_request(not_after_ms, instrument=instrument)
