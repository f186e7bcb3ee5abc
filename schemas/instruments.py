"""Names of what is traded: instruments (``BTC-USDT.BINANCE``) and assets (``BTC``).

A spot pair is ``BASE-QUOTE.VENUE``; a perpetual future is ``BASE-QUOTE-PERP.VENUE``. On the wire
both are plain strings, which this module parses. The venue ``SIMULATED`` is
reserved for the simulated market, so that no model that was trained on it serves a real venue.
"""

import re

import msgspec

from schemas.errors import ConfigurationError

SIMULATED_VENUE = "SIMULATED"
_PATTERN = re.compile(r"(?P<base>[A-Z0-9]+)-(?P<quote>[A-Z0-9]+)(?P<perp>-PERP)?\.(?P<venue>[A-Z0-9]+)")


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the name of an instrument."""

    base: str
    quote: str
    venue: str
    is_perpetual: bool = False

    def __str__(self) -> str:
        """Return the name on the wire."""
        return f"{self.base}-{self.quote}{'-PERP' if self.is_perpetual else ''}.{self.venue}"

    @property
    def is_simulated(self) -> bool:
        """Whether it belongs to the simulated market."""
        return self.venue == SIMULATED_VENUE


def is_instrument(name: str) -> bool:
    """Return whether a name has the form of an instrument, rather than of an asset."""
    return _PATTERN.fullmatch(name) is not None


def parse_instrument(name: str) -> Instrument:
    """Parse the name of an instrument.

    Args:
        name: Such as ``BTC-USDT.BINANCE`` or ``BTC-USDT-PERP.BINANCE``.

    Returns:
        The parts of the name.

    Raises:
        ConfigurationError: If the name has another form.

    Example:
        >>> parse_instrument("BTC-USDT-PERP.BINANCE").is_perpetual
        True
    """
    match = _PATTERN.fullmatch(name)
    if match is None:
        message = f"an instrument must look like BTC-USDT.BINANCE or BTC-USDT-PERP.BINANCE, was {name!r}"
        raise ConfigurationError(message)
    return Instrument(
        base=match["base"], quote=match["quote"], venue=match["venue"], is_perpetual=match["perp"] is not None
    )
