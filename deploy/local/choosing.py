"""Chooses what a run without files runs on: the live market, a mirror of it, or the simulated market.

What is asked for wins. Otherwise a mirror that is set is used, then the live market if a venue answers, and the
simulated market if none does. What is chosen is said, and why.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from deploy.local.mirroring import OwnMirror, own_mirror
from deploy.local.probing import Probed, probe
from deploy.local.settings import LauncherSettings
from producers.settings import RunSource
from schemas.errors import ConfigurationError

SOURCE_VARIABLE = "DRIFTLINE_SOURCE"
MIRROR_VARIABLE = "DRIFTLINE_SOURCES_MIRROR"


class AskedSource(StrEnum):
    """What ``--source`` and ``make demo SOURCE=`` take."""

    LIVE = "live"
    MIRROR = "mirror"
    SIMULATED = "simulated"


class Choice(NamedTuple):
    """What a run without files runs on.

    Attributes:
        source: Live or simulated; a run on a mirror is live code.
        mirror: The address of the mirror; None for none.
        own_mirror: The mirror that the launcher starts; None if it starts none.
    """

    source: RunSource
    mirror: str | None = None
    own_mirror: OwnMirror | None = None


SIMULATED = Choice(RunSource.SIMULATED)


def choose(
    environment: Mapping[str, str],
    *,
    asked: AskedSource | None,
    is_seeded: bool,
    say: Callable[[str], object],
    ask_sources: Callable[[], list[Probed]] = probe,
) -> Choice:
    """Return what a run without files runs on.

    Args:
        environment: The variables.
        asked: What is asked for; None leaves the choice to the variables and the sources.
        is_seeded: Whether a seed of the simulated market is given, which asks for that market.
        say: Called with a line for each source that does not answer, and with the choice.
        ask_sources: Asks the sources.

    Raises:
        ConfigurationError: If a mirror is asked for and none can be had, or a variable has another value.
    """
    mirror = environment.get(MIRROR_VARIABLE, "").strip() or None
    wanted = asked or _stated(environment) or (AskedSource.SIMULATED if is_seeded else None)
    if wanted is AskedSource.SIMULATED:
        return SIMULATED
    if wanted is AskedSource.MIRROR and mirror is None:
        made = own_mirror(LauncherSettings.from_environment(environment))
        return Choice(RunSource.LIVE, made.address, made)
    if wanted is AskedSource.LIVE and mirror is not None and asked is not None:
        message = (
            f"SOURCE=live and {MIRROR_VARIABLE} exclude each other: say SOURCE=mirror, or unset the variable"
        )
        raise ConfigurationError(message)
    if mirror is not None:
        return Choice(RunSource.LIVE, mirror)
    return Choice(RunSource.LIVE) if wanted is AskedSource.LIVE else _by_probe(ask_sources(), say)


def _stated(environment: Mapping[str, str]) -> AskedSource | None:
    text = environment.get(SOURCE_VARIABLE, "").strip().lower()
    try:
        return AskedSource(text) if text else None
    except ValueError:
        message = f"{SOURCE_VARIABLE} must be live, mirror or simulated, was {text!r}"
        raise ConfigurationError(message) from None


def _by_probe(found: list[Probed], say: Callable[[str], object]) -> Choice:
    for probed in found:
        if not probed.answers:
            say(f"{probed.source.name} {probed.trouble}")
    venues = [probed.source.name for probed in found if probed.answers and probed.source.is_venue]
    if venues:
        say(
            f"the live market is followed: {', '.join(venues)} answers; SOURCE=simulated runs the simulated market"
        )
        return Choice(RunSource.LIVE)
    say("no venue answers, so the SIMULATED market runs; SOURCE=live insists on the live one")
    return SIMULATED
