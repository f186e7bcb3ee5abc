"""From what a request names to what is served: assets, instruments, intervals, horizons. Pure."""

from collections.abc import Callable, Mapping, Sequence

from api.errors import UnknownNameError
from schemas.instruments import is_instrument, parse_instrument
from schemas.streams import StreamDescription
from schemas.targets import TargetPair
from schemas.time import Interval


def instrument_of(
    name: str, *, references: Mapping[str, str], description: Callable[[], StreamDescription]
) -> str:
    """The instrument that a path names, by itself or by its asset; upper and lower case are one.

    Args:
        references: The configured instrument of an asset.
        description: What the run holds; asked last, since it needs a store.

    Raises:
        UnknownNameError: If the run has no such instrument or asset.
    """
    wanted = name.upper()
    instruments = description().instruments
    if is_instrument(wanted):
        return _held(wanted, instruments)
    if wanted in references:
        return _held(references[wanted], instruments)
    for instrument in instruments:
        if parse_instrument(instrument).base == wanted:
            return instrument
    assets = dict.fromkeys(parse_instrument(instrument).base for instrument in instruments)
    message = (
        f"{name!r} is neither an asset ({', '.join(assets)}) nor an instrument ({', '.join(instruments)})"
    )
    raise UnknownNameError(message)


def _held(wanted: str, instruments: Sequence[str]) -> str:
    if wanted in instruments:
        return wanted
    message = f"this stream has no {wanted}; it has {', '.join(instruments)}"
    raise UnknownNameError(message)


def target_of(interval: Interval | None, horizon: Interval | None, *, default: TargetPair) -> TargetPair:
    """The target that two optional parameters mean.

    Without either it is the default one. An interval alone means one such bar ahead, unless it is
    the default's; a horizon alone is looked at in the default interval.

    Args:
        interval: The length of the bars; None where the request does not say.
        horizon: How far ahead is predicted; None where the request does not say.
        default: The target of the settings.
    """
    if interval is None:
        return TargetPair(default.interval, default.horizon if horizon is None else horizon)
    if horizon is not None:
        return TargetPair(interval, horizon)
    return TargetPair(interval, default.horizon if interval == default.interval else interval)
