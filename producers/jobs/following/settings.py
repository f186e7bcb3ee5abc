"""The settings of a live run's sources."""

from pydantic import Field

from producers.jobs.following.options import FollowOptions
from schemas.time import Interval
from schemas.wire.settings import EnvironmentSettings


class FollowSettings(EnvironmentSettings):
    """How the sources of a live run are followed."""

    live_history_days: int = Field(
        default=14,
        ge=1,
        le=366,
        description="Days of one-minute candles before the start that are published, so that features are warm and "
        "each target has rows enough. A broker that is embedded holds them in memory.",
    )
    live_hold_s: float = Field(
        default=60.0,
        ge=10,
        le=600,
        allow_inf_nan=False,
        description="A source that is being refilled is held for so many seconds without progress; then it is declared "
        "absent, and nobody waits for it.",
    )
    live_longest_refill_minutes: float = Field(
        default=60.0,
        ge=1,
        le=1440,
        allow_inf_nan=False,
        description="A longer outage is filled with candles of whole minutes, and not with trades.",
    )
    live_start_wait_s: float = Field(
        default=20.0,
        ge=1,
        le=600,
        allow_inf_nan=False,
        description="For so many seconds the warm-up waits for the next page of a venue before it goes on without.",
    )

    @property
    def options(self) -> FollowOptions:
        """How sources are followed."""
        return FollowOptions(
            hold_s=self.live_hold_s,
            longest_refill_ms=int(self.live_longest_refill_minutes * Interval.ONE_MINUTE.milliseconds),
            longest_history_ms=self.live_history_days * Interval.ONE_DAY.milliseconds,
            start_wait_s=self.live_start_wait_s,
        )
