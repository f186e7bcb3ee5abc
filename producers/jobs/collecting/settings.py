"""The settings of the collector."""

from pydantic import Field

from producers.sources.web.settings import WebSettings
from schemas.errors import ConfigurationError
from schemas.events import LIVE
from schemas.instruments import parse_instrument
from schemas.sources import source_of
from schemas.streams import StreamKind, stream_id
from schemas.wire.settings import JobSettings

COINGECKO = "coingecko"
_NONE = "none"


class CollectorSettings(WebSettings, JobSettings):
    """What is collected, and into which run."""

    stream: str | None = Field(
        default=None, description="Id of the run; unset means `live`, or that of the mirror if one is set."
    )
    live_instruments: str = Field(
        default="BTC-USDT.BINANCE,BTC-USD.COINBASE,BTC-USD.KRAKEN",
        description="The instruments of the run, separated by commas. Their venues are asked for the latest price.",
    )
    live_news: str = Field(
        default="coindesk,cryptoslate",
        description="The news sources, separated by commas; `none` reads no news.",
    )
    news_feeds: str = Field(
        default="", description="Further feeds, as name=https://host/feed, separated by commas."
    )
    live_prices: str | None = Field(
        default=None,
        description="The sources of latest prices, separated by commas; three or more are compared with each other. "
        "Unset means coingecko and the venues of the instruments, and with --once coingecko alone, because the venues' "
        "candles say more.",
    )
    collector_metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where Prometheus reads the collector's metrics; unset means 19564, or a free port above it, and "
        "0 does not listen.",
    )

    @property
    def run(self) -> str:
        """The id of the run."""
        if self.stream:
            return self.stream
        if self.sources_mirror is None:
            return LIVE
        return stream_id(StreamKind.MIRROR, {"mirror": self.sources_mirror})

    def names(self, listed: str) -> tuple[str, ...]:
        """Return the names of a list that is separated by commas; ``none`` names nothing."""
        found = (name.strip() for name in listed.split(","))
        return tuple(dict.fromkeys(name for name in found if name not in ("", _NONE)))

    def _instruments(self) -> list[str]:
        try:
            found = [str(parse_instrument(name)) for name in self.names(self.live_instruments)]
        except ConfigurationError as error:
            message = f"DRIFTLINE_LIVE_INSTRUMENTS: {error}"
            raise ConfigurationError(message) from error
        return found

    def instruments_by_source(self, *, is_once: bool) -> dict[str, tuple[str, ...]]:
        """Return the instruments whose latest price each source is asked for.

        Args:
            is_once: Whether the sources are read once only.

        Raises:
            ConfigurationError: If an instrument has another form.
        """
        stated = self.parsed_sources()
        instruments = self._instruments()
        found: dict[str, tuple[str, ...]] = {}
        bases = dict.fromkeys(parse_instrument(name).base for name in instruments)
        venues = () if is_once else tuple(source_of(name, stated) for name in instruments)
        listed = (COINGECKO, *venues) if self.live_prices is None else self.names(self.live_prices)
        for source in dict.fromkeys(listed):
            if source == COINGECKO:
                found[source] = tuple(f"{base}-USD.COINGECKO" for base in bases)
            else:
                found[source] = tuple(name for name in instruments if source_of(name, stated) == source)
        idle = [source for source, names in found.items() if not names]
        if idle:
            message = (
                f"DRIFTLINE_LIVE_PRICES must name {COINGECKO} or venues of DRIFTLINE_LIVE_INSTRUMENTS, was "
                f"{self.live_prices!r}: {', '.join(idle)} has none of {', '.join(instruments)}"
            )
            raise ConfigurationError(message)
        return found
