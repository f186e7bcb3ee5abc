"""The processors' settings."""

from pydantic import Field, field_validator

from schemas.time import Interval
from schemas.wire.settings import ServerSettings


class ProcessorSettings(ServerSettings):
    """What the stream processors can be told."""

    intervals: str = Field(
        default="1m,15m,1h",
        description="The bars to make, besides those of a candle file's own interval; comma-separated.",
    )

    @field_validator("intervals")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [str(interval) for interval in Interval]
        for part in value.split(","):
            if part.strip() not in known:
                message = f"must be some of {', '.join(known)}, separated by commas"
                raise ValueError(message)
        return value

    @property
    def bar_intervals(self) -> list[Interval]:
        """The intervals, parsed, each once."""
        return list(dict.fromkeys(Interval(part.strip()) for part in self.intervals.split(",")))
