"""The settings of the recording."""

from pathlib import Path

from pydantic import Field

from producers.jobs.recording.recorder_options import RecorderOptions
from schemas.wire.settings import ServerSettings


class RecordingSettings(ServerSettings):
    """What the platform records by itself, and where."""

    recording: bool = Field(
        default=True,
        description="Whether live runs and mirrors record raw quotes and the flow of perpetual futures. Replays and "
        "simulations record nothing.",
    )
    recording_dir: Path | None = Field(
        default=None,
        description="The folder of the recording. Unset means recording/ of the data directory, which `reset` keeps.",
    )
    recording_instruments: str = Field(
        default="BTC-USDT-PERP.BINANCE",
        description="The perpetual futures that are recorded, separated by commas. Empty records none.",
    )
    recording_flush_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="So often rows are written, in seconds; a kill costs at most as much. More makes larger files.",
    )

    @property
    def folder(self) -> Path:
        """The folder of the recording."""
        return self.data_dir / "recording" if self.recording_dir is None else self.recording_dir

    @property
    def perpetuals(self) -> tuple[str, ...]:
        """The perpetual futures that are recorded."""
        return tuple(name.strip() for name in self.recording_instruments.split(",") if name.strip())

    @property
    def options(self) -> RecorderOptions:
        """How the recorder works."""
        return RecorderOptions(flush_s=self.recording_flush_s)
