"""Companions: the other instruments whose features are joined to those of an instrument, as configured.

The jobs that join, score, train and start share this module, because all must mean the same vector. A companion is
another coin, or the perpetual of the same coin. An instrument has at most one of each, and an instrument without
companions is predicted from its market features alone.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from schemas.errors import ConfigurationError
from schemas.instruments import Instrument, parse_instrument

VARIABLE = "DRIFTLINE_COMPANIONS"
#: The value that states that a run of several files has no companions.
NONE = "none"
_FORM = "BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE, several instruments separated by semicolons"


class Companions(msgspec.Struct, frozen=True, kw_only=True):
    """The companions of one instrument.

    Attributes:
        coin: The instrument of another coin, or None.
        perpetual: The perpetual of the same coin, or None.
    """

    coin: str | None = None
    perpetual: str | None = None

    @property
    def instruments(self) -> tuple[str, ...]:
        """The companions that are not None, the coin first."""
        return tuple(name for name in (self.coin, self.perpetual) if name is not None)


def parse_companions(text: str | None) -> dict[str, Companions]:
    """Return the companions of each instrument that has companions.

    Args:
        text: Such as ``BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE``; instruments are
            separated by semicolons. None, an empty text and ``none`` state that there are no companions.

    Raises:
        ConfigurationError: If the text has another form, or a companion is neither another coin nor the perpetual.

    Example:
        >>> parse_companions("BTC-USDT.BINANCE:ETH-USDT.BINANCE")["BTC-USDT.BINANCE"].coin
        'ETH-USDT.BINANCE'
    """
    found: dict[str, Companions] = {}
    stated = "" if text is None or text.strip() == NONE else text
    for part in stated.split(";"):
        if not part.strip():
            continue
        target, separator, names = (piece.strip() for piece in part.partition(":"))
        if not separator or target in found:
            message = f"{VARIABLE} must look like {_FORM}, each instrument once; was {text!r}"
            raise ConfigurationError(message)
        found[target] = _companions(_named(target), [name.strip() for name in names.split(",")])
    return found


def check_present(companions: Mapping[str, Companions], instruments: Collection[str]) -> None:
    """Refuse a run that holds an instrument without one of its companions, because its vectors would wait for ever.

    Raises:
        ConfigurationError: If a companion is missing; the message names it.
    """
    for target, beside in companions.items():
        missing = [name for name in beside.instruments if name not in instruments]
        if target in instruments and missing:
            message = (
                f"{VARIABLE}: {target} has the companion {missing[0]}, which the run does not hold "
                f"({', '.join(instruments)}): give its file too, or take it out of the setting"
            )
            raise ConfigurationError(message)


def predicted_of(companions: Mapping[str, Companions], instruments: Sequence[str]) -> tuple[str, ...]:
    """Return the instruments of a run that are predicted. A companion is only predicted if it has companions itself."""
    here = [found for target, found in companions.items() if target in instruments]
    beside = {name for found in here for name in found.instruments}
    return tuple(name for name in instruments if name in companions or name not in beside)


def usual_companions(instruments: Sequence[str]) -> dict[str, Companions]:
    """Return the usual companions of a run: to its first instrument, the first other coin and the perpetual of it."""
    first, *others = instruments
    target = parse_instrument(first)
    parsed = {name: parse_instrument(name) for name in others}
    coin = next((name for name, other in parsed.items() if other.base != target.base), None)
    perpetual = next(
        (name for name, other in parsed.items() if other.base == target.base and other.is_perpetual), None
    )
    found = Companions(coin=coin, perpetual=None if target.is_perpetual else perpetual)
    return {first: found} if found.instruments else {}


def text_of(companions: Mapping[str, Companions]) -> str:
    """Return the setting that names these companions, which :func:`parse_companions` reads."""
    if not companions:
        return NONE
    return ";".join(f"{target}:{','.join(beside.instruments)}" for target, beside in companions.items())


def _named(name: str) -> Instrument:
    try:
        return parse_instrument(name)
    except ConfigurationError as error:
        message = f"{VARIABLE}: {error}"
        raise ConfigurationError(message) from error


def _companions(target: Instrument, names: list[str]) -> Companions:
    coins, perpetuals = [], []
    for name in names:
        companion = _named(name)
        if companion.base != target.base:
            coins.append(name)
        elif companion.is_perpetual and not target.is_perpetual:
            perpetuals.append(name)
        else:
            message = (
                f"{VARIABLE}: a companion of {target} must be another coin, or its perpetual; was {name}"
            )
            raise ConfigurationError(message)
    for kind, found in (("other coin", coins), ("perpetual", perpetuals)):
        if len(found) > 1:
            message = f"{VARIABLE}: {target} may have one {kind}, has {', '.join(found)}"
            raise ConfigurationError(message)
    return Companions(coin=next(iter(coins), None), perpetual=next(iter(perpetuals), None))
