"""What each source of events promises about its times.

``event_time_ms`` is the venue's clock and ``known_time_ms`` ours, and the two may differ either
way. What may be relied on is stated here, per source, and nowhere else: how much later than the
newest event an older one may still come (``allowed_lateness_ms``) before it counts as late.

Which source an instrument belongs to is stated here too: the source is named after the venue of the
instrument, unless ``DRIFTLINE_SOURCES`` says otherwise. Events carry the result in ``source``, and the
description of a stream lists it (:class:`schemas.streams.StreamSource`).
"""

from collections.abc import Mapping

import msgspec

from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument

VARIABLE = "DRIFTLINE_SOURCES"
_FORM = "binance-futures:BTC-USDT-PERP.BINANCE,ETH-USDT-PERP.BINANCE, several sources separated by semicolons"
#: No source's clock runs farther ahead of ours than this. A record that claims more is wrong: taken
#: as it is, it would make everything after it late.
LARGEST_LEAD_MS = 60_000


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One source of market events.

    Attributes:
        name: What its events say in ``source``.
        is_simulated: Whether it is invented; such data is marked on every screen.
        allowed_lateness_ms: An event at most this much older than the newest one is on time.
        description: One line for people.
    """

    name: str
    is_simulated: bool
    allowed_lateness_ms: int
    description: str


BINANCE = SourceSpec(
    name="binance",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Binance trades and candles; trades come in order among themselves",
)
BINANCE_FUTURES = SourceSpec(
    name="binance-futures",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Binance's USD-margined futures, where they are a source of their own; another clock than spot",
)
SIMULATED = SourceSpec(
    name="simulated",
    is_simulated=True,
    allowed_lateness_ms=0,
    description="the seeded simulated market; not real prices",
)

SOURCES = {spec.name: spec for spec in (BINANCE, BINANCE_FUTURES, SIMULATED)}


def parse_sources(text: str | None) -> dict[str, str]:
    """Returns the source of each instrument whose source is not named after its venue.

    Args:
        text: The setting ``DRIFTLINE_SOURCES``, such as ``binance-futures:BTC-USDT-PERP.BINANCE``; sources are
            separated by semicolons and instruments by commas. None and an empty text state nothing.

    Raises:
        ConfigurationError: If the text has another form, or an instrument has two sources.

    Example:
        >>> parse_sources("binance-futures:BTC-USDT-PERP.BINANCE")
        {'BTC-USDT-PERP.BINANCE': 'binance-futures'}
    """
    found: dict[str, str] = {}
    for part in (text or "").split(";"):
        if not part.strip():
            continue
        source, separator, names = (piece.strip() for piece in part.partition(":"))
        for name in (name.strip() for name in names.split(",")):
            if not separator or not source or name in found:
                message = f"{VARIABLE} must look like {_FORM}, each instrument once; was {text!r}"
                raise ConfigurationError(message)
            try:
                found[str(parse_instrument(name))] = source
            except ConfigurationError as error:
                message = f"{VARIABLE}: {error}"
                raise ConfigurationError(message) from error
    return found


def source_of(instrument: str, stated: Mapping[str, str]) -> str:
    """Returns the name of the source to which an instrument belongs.

    Args:
        instrument: Such as ``BTC-USDT.BINANCE``.
        stated: What :func:`parse_sources` returned; an instrument that is not in it belongs to the source
            that is named after its venue.

    Example:
        >>> source_of("BTC-USDT.BINANCE", {})
        'binance'
    """
    return stated.get(instrument) or parse_instrument(instrument).venue.lower()
