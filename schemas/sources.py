"""What each source of events promises about its times.

``event_time_ms`` is the venue's clock and ``known_time_ms`` ours, and the two may differ either
way. What may be relied on is stated here, per source, and nowhere else: how much later than the
newest event an older one may still come (``allowed_lateness_ms``) before it counts as late.
"""

import msgspec

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
SIMULATED = SourceSpec(
    name="simulated",
    is_simulated=True,
    allowed_lateness_ms=0,
    description="the seeded simulated market; not real prices",
)

SOURCES = {spec.name: spec for spec in (BINANCE, SIMULATED)}
