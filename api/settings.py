"""Settings of the API and of the job that predicts."""

import re
from pathlib import Path
from typing import NamedTuple

from pydantic import AliasChoices, Field, field_validator

from schemas.events import LIVE
from schemas.instruments import is_instrument, parse_instrument
from schemas.time import Interval
from schemas.wire.settings import JobSettings

_TARGET = re.compile(r"^(?P<interval>\w+):(?P<horizon>\w+)$")


class TargetName(NamedTuple):
    """Which bars are looked at, and how far ahead."""

    interval: Interval
    horizon: Interval

    def __str__(self) -> str:
        """Such as ``15m:1h``."""
        return f"{self.interval}:{self.horizon}"


def parse_target(text: str) -> TargetName:
    """A target from its setting.

    Raises:
        ValueError: If it does not look like ``15m:1h``.
    """
    match = _TARGET.match(text.strip())
    try:
        if match is not None:
            return TargetName(Interval(match["interval"]), Interval(match["horizon"]))
    except ValueError:
        pass
    message = f"a target must look like 15m:1h, of {', '.join(Interval)}, was {text!r}"
    raise ValueError(message)


class ApiSettings(JobSettings):
    """What the API and the scoring job can be told."""

    stream: str = Field(default=LIVE, description="The run that is served and predicted.")
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. The default is this machine alone: nothing asks for a password.",
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65_535,
        validation_alias=AliasChoices("port", "PORT"),
        description="The port to listen on; 0 takes a free one.",
    )
    default_target: str = Field(
        default="15m:15m", description="The interval and horizon that are meant when a request names none."
    )
    targets: str = Field(
        default="15m:15m,1m:1m,1h:1h",
        description="The intervals and horizons that are trained; others are unknown rather than not ready.",
    )
    reference_instrument: str | None = Field(
        default=None,
        description="What an asset stands for, such as BTC-USDT.BINANCE, or several by commas, one per "
        "asset. Unset, or for other assets: the stream's first instrument of the asset.",
    )

    @field_validator("default_target")
    @classmethod
    def _is_target(cls, text: str) -> str:
        return str(parse_target(text))

    @field_validator("targets")
    @classmethod
    def _are_targets(cls, text: str) -> str:
        return ",".join(str(parse_target(part)) for part in text.split(","))

    @field_validator("reference_instrument")
    @classmethod
    def _are_instruments(cls, text: str | None) -> str | None:
        if text is None:
            return None
        names = [part.strip() for part in text.split(",")]
        wrong = [name for name in names if not is_instrument(name)]
        if wrong:
            message = f"an instrument must look like BTC-USDT.BINANCE, was {wrong[0]!r}"
            raise ValueError(message)
        return ",".join(names)

    @property
    def registry_dir(self) -> Path:
        """Where the models are."""
        return self.data_dir / "registry"

    @property
    def default(self) -> TargetName:
        """The target that is meant when none is named."""
        return parse_target(self.default_target)

    @property
    def served(self) -> tuple[TargetName, ...]:
        """Every target that may get a model, the default one first."""
        named = (parse_target(part) for part in self.targets.split(","))
        return tuple(dict.fromkeys([self.default, *named]))

    @property
    def references(self) -> dict[str, str]:
        """The instrument that an asset stands for, by asset."""
        names = [] if self.reference_instrument is None else self.reference_instrument.split(",")
        return {parse_instrument(name).base: name for name in names}
