"""Finds the instrument and the target that a request names. Pure."""

from collections.abc import Callable, Mapping, Sequence

from api.errors import UnknownNameError
from schemas.instruments import is_instrument, parse_instrument
from schemas.streams import StreamDescription
from schemas.targets import TargetPair
from schemas.time import Interval


def instrument_of(
    name: str, *, references: Mapping[str, str], description: Callable[[], StreamDescription]
) -> str:
    """Return the instrument that a path names directly or by its asset, in upper or lower case.

    Args:
        name: An instrument or an asset, as it stands in the path.
        references: The configured instrument of each asset.
        description: Returns the description of the run. It is called last, because it reads a store.

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
    """Return the target that the two optional parameters select.

    Without both it is the default target. An interval alone selects a horizon of one such bar, unless
    it is the interval of the default target. A horizon alone is combined with the default interval.

    Args:
        interval: The length of the bars; None if the request does not state it.
        horizon: How far ahead is predicted; None if the request does not state it.
        default: The target of the settings.
    """
    if interval is None:
        return TargetPair(default.interval, default.horizon if horizon is None else horizon)
    if horizon is not None:
        return TargetPair(interval, horizon)
    return TargetPair(interval, default.horizon if interval == default.interval else interval)
