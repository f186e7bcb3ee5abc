"""Settings of the API and of the scoring job."""

from pathlib import Path

from pydantic import AliasChoices, Field, field_validator

from schemas.events import LIVE
from schemas.instruments import is_instrument, parse_instrument
from schemas.targets import TargetPair, parse_target
from schemas.wire.target_settings import TargetSettings


class ApiSettings(TargetSettings):
    """The settings of the API and of the scoring job, read once from the environment."""

    stream: str = Field(default=LIVE, description="The run that is served and predicted.")
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. The default accepts connections of this machine only, because the API asks "
        "for no password.",
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65_535,
        validation_alias=AliasChoices("port", "PORT"),
        description="The port to listen on; 0 takes a free one.",
    )
    default_target: str | None = Field(
        default=None,
        description="The interval and horizon of a request that names neither; the first of DRIFTLINE_TARGETS if unset.",
    )
    reference_instrument: str | None = Field(
        default=None,
        description="The instrument that an asset stands for, such as BTC-USDT.BINANCE; several are separated by "
        "commas, one for each asset. An asset without one stands for the stream's first instrument of the asset. "
        "Where it is not healthy, the next of the stream's instruments of the asset answers.",
    )
    live_instruments: str | None = Field(
        default=None,
        description="The instruments of a live run in the order in which they answer for their asset, separated by "
        "commas. Unset means the order of the run.",
    )

    speed: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The multiple of real time at which the run is played now, 0 or `max` for as fast as possible. "
        "Unset means the speed at which the run was begun.",
    )

    @field_validator("speed", mode="before")
    @classmethod
    def _is_speed(cls, value: object) -> object:
        return 0.0 if isinstance(value, str) and value.strip().lower() == "max" else value

    @field_validator("default_target")
    @classmethod
    def _is_target(cls, text: str | None) -> str | None:
        return None if text is None else str(parse_target(text))

    @field_validator("reference_instrument", "live_instruments")
    @classmethod
    def _are_instruments(cls, text: str | None) -> str | None:
        if text is None:
            return None
        names = [part.strip() for part in text.split(",") if part.strip()]
        wrong = [name for name in names if not is_instrument(name)]
        if wrong:
            message = f"an instrument must look like BTC-USDT.BINANCE, was {wrong[0]!r}"
            raise ValueError(message)
        return ",".join(names)

    @property
    def live_names(self) -> tuple[str, ...]:
        """Return the instruments of a live run, in the order in which they answer for their asset."""
        return () if self.live_instruments is None else tuple(self.live_instruments.split(","))

    @property
    def registry_dir(self) -> Path:
        """Return the folder of the model registry."""
        return self.data_dir / "registry"

    @property
    def default(self) -> TargetPair:
        """Return the target of a request that names none."""
        return self.parsed_targets()[0] if self.default_target is None else parse_target(self.default_target)

    @property
    def served(self) -> tuple[TargetPair, ...]:
        """Return every configured target, the default one first."""
        return tuple(dict.fromkeys([self.default, *self.parsed_targets()]))

    @property
    def references(self) -> dict[str, str]:
        """Return the instrument that each asset name refers to."""
        names = [] if self.reference_instrument is None else self.reference_instrument.split(",")
        return {parse_instrument(name).base: name for name in names}
