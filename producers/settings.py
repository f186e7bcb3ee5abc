"""The settings of the producers: which data, which stretch, how fast.

Read from a mapping of ``DRIFTLINE_`` variables; what is unset has the default stated here.
"""

import os
from pathlib import Path

from pydantic import AliasChoices, Field, field_validator

from producers.sources.simulated.parameters import MarketParameters
from schemas.sources import parse_sources
from schemas.wire.settings import EnvironmentSettings

AS_FAST_AS_POSSIBLE = "max"


class ProducerSettings(EnvironmentSettings):
    """What to publish."""

    stream: str | None = Field(
        default=None, description="Id of the run; unset means the one that follows from the data."
    )
    data: Path | None = Field(
        default=None,
        description="A recorded file: candles (.parquet, .csv) or a WebSocket capture (.gz). "
        "Unset means the simulated market.",
    )
    data_beside: str | None = Field(
        default=None,
        description=f"Further files of candles, of other instruments and of the same interval, played "
        f"side by side with the first; separated by {os.pathsep!r}.",
    )
    history: Path | None = Field(
        default=None, description="A file of 1-minute candles that a capture takes its warm-up from."
    )
    from_time: str | None = Field(
        default=None,
        validation_alias=AliasChoices("from_time", "DRIFTLINE_FROM"),
        description="ISO time, UTC, inclusive. Unset with TO unset means the file's last segment.",
    )
    to_time: str | None = Field(
        default=None,
        validation_alias=AliasChoices("to_time", "DRIFTLINE_TO"),
        description="ISO time, UTC, exclusive.",
    )
    instrument: str | None = Field(
        default=None, description="Of the file, such as BTC-USDT.BINANCE; unset means as it says itself."
    )
    sources: str | None = Field(
        default=None,
        description="The source of each instrument whose source is not named after its venue: "
        "binance-futures:BTC-USDT-PERP.BINANCE, several sources separated by semicolons.",
    )
    speed: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Multiples of real time behind the warm-up; 0 or `max` is as fast as possible. "
        "Unset means 60 for candles and 1 for captures.",
    )
    seed: int = Field(default=7, ge=0, lt=2**63, description="Of the simulated market.")
    simulated_edge: float = Field(
        default=MarketParameters().edge,
        ge=0,
        lt=1,
        description="Strength of the planted reversal between quarter-hours; 0 is a martingale.",
    )
    simulated_drift_hours: float | None = Field(
        default=None,
        ge=0,
        description="Hours behind the simulation's beginning (14 days before its first start, so 336 is "
        "that start) at which reversal turns into momentum and volatility doubles. Unset is never.",
    )
    simulated_history_days: int = Field(
        default=14, ge=1, le=60, description="Days of simulated history before the first start."
    )
    consumer_wait_s: float = Field(
        default=60.0,
        ge=0,
        description="How long a job that ends on the embedded broker may wait until the market processor has "
        "read the topic that it left; 0 does not wait.",
    )

    @field_validator("speed", mode="before")
    @classmethod
    def _speed_word(cls, value: object) -> object:
        is_word = isinstance(value, str) and value.strip().lower() == AS_FAST_AS_POSSIBLE
        return 0.0 if is_word else value

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """The further files."""
        return tuple(Path(name) for name in (self.data_beside or "").split(os.pathsep) if name)

    def parsed_sources(self) -> dict[str, str]:
        """The source of each instrument whose source is not named after its venue.

        Raises:
            ConfigurationError: If the setting has another form.
        """
        return parse_sources(self.sources)

    @property
    def market_parameters(self) -> MarketParameters:
        """What the simulated market is to be like."""
        return MarketParameters(
            seed=self.seed, edge=self.simulated_edge, drift_hours=self.simulated_drift_hours
        )
