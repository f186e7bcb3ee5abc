"""The settings of the stream processors."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import Field, field_validator

from schemas.coins import COINS
from schemas.errors import ConfigurationError
from schemas.events import LIVE, WHOLE_MARKET
from schemas.instruments import parse_instrument
from schemas.scorers import ScorerId, parse_scorer
from schemas.streams import StreamKind
from schemas.time import Interval
from schemas.wire.settings import JobSettings, ServerSettings


class ProcessorSettings(JobSettings):
    """The settings of the stream processors."""

    intervals: str = Field(
        default="1m,15m,1h",
        description="The intervals of the bars to make, besides a candle file's own interval; comma-separated.",
    )

    stream: str | None = Field(
        default=None,
        description="The run whose vectors are joined; rows of other runs are skipped. Unset joins every run's.",
    )

    news_assets: str | None = Field(
        default=None,
        description="The assets whose news features are made each minute, comma-separated. Unset means the assets of "
        "DRIFTLINE_REFERENCE_INSTRUMENT, and BTC where that is unset too.",
    )
    reference_instrument: str = Field(
        default="BTC-USDT.BINANCE", description="The instruments for which assets stand, comma-separated."
    )
    news_scorers: str | None = Field(
        default=None,
        description="The scorers whose news features are made: vader,textblob, or vader@HASH for a certain version. Unset "
        "means the scorers of DRIFTLINE_SCORERS that can run here.",
    )

    news: Path | None = Field(
        default=None,
        description="The file of articles that a replay plays beside its prices; unset means none.",
    )

    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="The port on which the monitor answers Prometheus, on this machine alone. Unset means 19464 "
        "or the next free port above it; 0 does not listen.",
    )
    monitor_every_s: float = Field(
        default=5.0, gt=0, description="Seconds between two looks of the monitor at the log."
    )
    stalled_after_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that a consumer group may stand still in a partition with records left to read "
        "before the monitor raises an alert. A worker that stands still is restarted earlier.",
    )

    low_disk_mb: int = Field(
        default=1_000,
        ge=0,
        description="Megabytes that should be free on the data directory's disk; with fewer the monitor warns.",
    )

    @field_validator("intervals")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [str(interval) for interval in Interval]
        for part in value.split(","):
            if part.strip() not in known:
                message = f"must be one or more of {', '.join(known)}, separated by commas"
                raise ValueError(message)
        return value

    @property
    def has_news(self) -> bool:
        """Whether the run has news: the live one has, those on a mirror, and replays with a file of articles."""
        return self.news is not None or self.has_news_by_the_clock

    @property
    def has_news_by_the_clock(self) -> bool:
        """Whether news arrives as it happens, so that a clock tells when it is away; a replay's joins wait."""
        return (self.stream or "").partition("-")[0] in {LIVE, StreamKind.MIRROR}

    def parsed_news_assets(self) -> tuple[str, ...]:
        """Return the assets whose news features are made each minute.

        Raises:
            ConfigurationError: If an instrument for which an asset stands has another form, or a stated asset is one that no
                article can be about.
        """
        if self.news_assets is None:
            names = [parse_instrument(name.strip()).base for name in self.reference_instrument.split(",")]
            return tuple(dict.fromkeys(names))
        stated = [name.strip().upper() for name in self.news_assets.split(",") if name.strip()]
        unknown = sorted(set(stated) - {coin.ticker for coin in COINS} - {WHOLE_MARKET})
        if unknown:
            message = (
                f"DRIFTLINE_NEWS_ASSETS names {', '.join(unknown)}, and no article is ever found to be about it: the coins that "
                "are found are those of schemas/coins.py, such as BTC"
            )
            raise ConfigurationError(message)
        return tuple(dict.fromkeys(stated))

    def parsed_news_scorers(self, here: Callable[[], Sequence[ScorerId]]) -> tuple[ScorerId, ...]:
        """Return the scorers whose news features are made: those that are stated, or all that can run here.

        Args:
            here: Finds the scorers that can run here; asked if the setting states no scorer, or a name alone.

        Raises:
            ConfigurationError: If one has another form or cannot run here, or two are versions of one scorer.
        """
        if self.news_scorers is None:
            return tuple(here())
        stated = [text.strip() for text in self.news_scorers.split(",") if text.strip()]
        running = {} if all("@" in text for text in stated) else {each.name: each for each in here()}
        found = tuple(_news_scorer(text, running) for text in stated)
        if len({scorer.name for scorer in found}) < len(found):
            message = f"DRIFTLINE_NEWS_SCORERS must name each scorer once, was {self.news_scorers!r}"
            raise ConfigurationError(message)
        return found

    @property
    def bar_intervals(self) -> list[Interval]:
        """The parsed intervals, each once."""
        return list(dict.fromkeys(Interval(part.strip()) for part in self.intervals.split(",")))


def _news_scorer(text: str, running: Mapping[str, ScorerId]) -> ScorerId:
    if "@" not in text:
        if text in running:
            return running[text]
        names = ", ".join(running) or "none can run"
        message = f"DRIFTLINE_NEWS_SCORERS names {text!r}, which does not run here; DRIFTLINE_SCORERS names those that do: {names}"
        raise ConfigurationError(message)
    try:
        return parse_scorer(text)
    except ConfigurationError as error:
        message = f"DRIFTLINE_NEWS_SCORERS: {error}"
        raise ConfigurationError(message) from error


class StoreSettings(ServerSettings):
    """For how long the rows of live runs and mirrors stay in the durable store. Unset keeps them for ever."""

    keep_ticks_days: int | None = Field(
        default=None,
        ge=1,
        description="Days before today of which ticks are kept; a busy instrument has some 100 MB of them a day.",
    )
    keep_quotes_days: int | None = Field(
        default=None, ge=1, description="Days before today of which quotes are kept, of one a second."
    )
    keep_prices_days: int | None = Field(
        default=None, ge=1, description="Days before today of which latest prices are kept."
    )

    @property
    def archive(self) -> Path:
        """The folder of exported days, if no other is named."""
        return self.data_dir / "archive"

    def kept_days(self) -> dict[str, int]:
        """Return the days by table; a table that is kept for ever is left out."""
        stated = {
            "ticks": self.keep_ticks_days,
            "quotes": self.keep_quotes_days,
            "prices": self.keep_prices_days,
        }
        return {table: days for table, days in stated.items() if days is not None}
