"""The settings of the producers: which data, which stretch, how fast.

Read from a mapping of ``DRIFTLINE_`` variables; what is unset has the default stated here.
"""

import os
from enum import StrEnum
from pathlib import Path

from pydantic import AliasChoices, Field, field_validator

from producers.sources.files.forms import ReadRequest
from producers.sources.simulated.parameters import MarketParameters
from schemas.sources import parse_sources
from schemas.wire.target_settings import ListedTargets

AS_FAST_AS_POSSIBLE = "max"


class RunSource(StrEnum):
    """Where the market data of a run without files come from."""

    LIVE = "live"
    SIMULATED = "simulated"


class ProducerSettings(ListedTargets):
    """What to publish."""

    stream: str | None = Field(
        default=None, description="Id of the run; unset means the one that follows from the data."
    )
    source: RunSource | None = Field(
        default=None,
        description="Where the data of a run without files come from: `live` or `simulated`, which unset means too. "
        "`live` with DRIFTLINE_SOURCES_MIRROR is a run on a mirror.",
    )
    live_instruments: str = Field(
        default="BTC-USDT.BINANCE,BTC-USD.COINBASE,BTC-USD.KRAKEN",
        description="What a live run follows, separated by commas. The first instrument of an asset is what the asset "
        "stands for.",
    )
    sources_mirror: str | None = Field(
        default=None,
        description="The address of a mirror, which answers in the place of every outside source, such as "
        "http://127.0.0.1:8090. Unset means the sources themselves.",
    )
    data: Path | None = Field(
        default=None,
        description="A recorded file: candles, trades or a WebSocket capture, in any of the forms that are read. "
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
    news: Path | None = Field(
        default=None,
        description="A file of articles that is played beside the prices of a replay: columns timestamp, headline and "
        "url, and domain, categories, tags and summary where they are known; CSV or parquet.",
    )
    news_delay: int = Field(
        default=5,
        ge=0,
        le=1_440,
        description="Minutes after its published time at which an article of DRIFTLINE_NEWS counts as first seen, "
        "because nobody saw when it came out. Results are stated for 0, 5 and 60.",
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
        default=None,
        description="Of the file, such as BTC-USDT.BINANCE; unset means as it says itself. Of several files, one "
        "for each, separated by commas.",
    )
    no_trade_minutes: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="A hole of at most this many minutes in a file of candles had no trade: bars of no volume at "
        "the close before fill it. 0 takes every hole for an outage. Unset means as the venue is known: 60 where "
        "it leaves out minutes without a trade, such as Kraken, and 0 elsewhere.",
    )
    close_stamped: bool | None = Field(
        default=None,
        description="Whether the rows of a file of candles state the times of their closes. Unset means as the "
        "file tells by itself.",
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
    def is_live(self) -> bool:
        """Whether outside sources are followed, or a mirror of them."""
        return self.source is RunSource.LIVE

    @property
    def news_delay_ms(self) -> int:
        """The assumed delay of recorded articles in milliseconds."""
        return self.news_delay * 60_000

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
    def instruments(self) -> tuple[str, ...]:
        """The instruments that are stated, one for each file; empty if none is."""
        return tuple(name.strip() for name in (self.instrument or "").split(",") if name.strip())

    def read_request(self, not_after_ms: int, *, instrument: str | None = None) -> ReadRequest:
        """What a reader of files has to know.

        Args:
            not_after_ms: No candle closes later: when the stream was described.
            instrument: Of the file.
        """
        minutes = self.no_trade_minutes
        return ReadRequest(
            not_after_ms=not_after_ms,
            instrument=instrument,
            longest_pause_ms=None if minutes is None else int(minutes * 60_000),
            is_close_stamped=self.close_stamped,
        )

    @property
    def market_parameters(self) -> MarketParameters:
        """What the simulated market is to be like."""
        return MarketParameters(
            seed=self.seed, edge=self.simulated_edge, drift_hours=self.simulated_drift_hours
        )
