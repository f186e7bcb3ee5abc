"""The sources of events: what each promises about its times, and which instruments belong to it.

``event_time_ms`` is a time of the venue's clock, and ``known_time_ms`` of the platform's clock; either may be
ahead. Only this module states what each source promises: how much older than the
newest event an event may be (``allowed_lateness_ms``) before it counts as late.

The source of an instrument is named after its venue, unless ``DRIFTLINE_SOURCES`` says otherwise. Events carry it
in ``source``, and the description of a stream lists it (:class:`schemas.streams.StreamSource`).
"""

from collections.abc import Mapping

import msgspec

from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument

VARIABLE = "DRIFTLINE_SOURCES"
_FORM = "binance-futures:BTC-USDT-PERP.BINANCE,ETH-USDT-PERP.BINANCE, several sources separated by semicolons"
#: No clock of a source is farther ahead of the platform's clock than this. A record that claims more is wrong, and
#: would make all later records late.
LARGEST_LEAD_MS = 60_000


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One source of market events.

    Attributes:
        name: The name that its events carry in ``source``.
        is_simulated: Whether its data are invented; such data are marked on every screen.
        allowed_lateness_ms: The largest age, compared with the newest event, at which an event is on time.
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
    """Return the source of each instrument whose source is not named after its venue.

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
    """Return the name of the source to which an instrument belongs.

    Args:
        instrument: Such as ``BTC-USDT.BINANCE``.
        stated: What :func:`parse_sources` returned; an instrument that is not in it belongs to the source
            that is named after its venue.

    Example:
        >>> source_of("BTC-USDT.BINANCE", {})
        'binance'
    """
    return stated.get(instrument) or parse_instrument(instrument).venue.lower()
