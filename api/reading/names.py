"""Finds the instruments and the target that a request names. Pure."""

from collections.abc import Collection, Mapping

from api.errors import UnknownNameError
from schemas.instruments import is_instrument
from schemas.targets import TargetPair
from schemas.time import Interval


def ranked_of(
    name: str,
    *,
    references: Mapping[str, str],
    assets: Mapping[str, tuple[str, ...]],
    instruments: Collection[str],
) -> tuple[str, ...]:
    """Return the instrument that a path names, or the ranked instruments of the asset that it names.

    Args:
        name: An instrument or an asset in upper or lower case, as it stands in the path.
        references: The configured instrument of each asset.
        assets: The ranked instruments of each asset of the run.
        instruments: The instruments of the run.

    Raises:
        UnknownNameError: If the run has no such instrument or asset.
    """
    wanted = name.upper()
    stated = wanted if is_instrument(wanted) else references.get(wanted)
    if stated is not None and stated not in instruments:
        message = f"this stream has no {stated}; it has {', '.join(instruments)}"
        raise UnknownNameError(message)
    if stated == wanted:
        return (wanted,)
    if wanted in assets:
        return assets[wanted]
    message = (
        f"{name!r} is neither an asset ({', '.join(assets)}) nor an instrument ({', '.join(instruments)})"
    )
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
