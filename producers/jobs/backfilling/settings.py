"""The settings of a backfill: into which run, which instruments, which time."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from producers.jobs.backfilling.places import Place, text_of
from producers.jobs.backfilling.running import Request
from producers.jobs.backfilling.stretches import Stretch
from producers.sources.web.settings import WebSettings
from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument
from schemas.sources import source_of
from schemas.streams import StreamKind, stream_id
from schemas.time import Interval, parse_time, text_of_time
from schemas.wire.settings import ServerSettings

#: The newest candle may not be closed yet by the clock of its venue.
_NEWEST_MS = 60_000


class BackfillSettings(WebSettings, ServerSettings):
    """Into which run is backfilled."""

    stream: str | None = Field(
        default=None, description="Id of the run; unset means `live`, or that of the mirror if one is set."
    )
    live_instruments: str = Field(
        default="BTC-USDT.BINANCE,BTC-USD.COINBASE,BTC-USD.KRAKEN",
        description="The instruments of the run, separated by commas, which are backfilled if none is named.",
    )

    @property
    def run(self) -> str:
        """The id of the run."""
        if self.stream:
            return self.stream
        if self.sources_mirror is None:
            return str(StreamKind.LIVE)
        return stream_id(StreamKind.MIRROR, {"mirror": self.sources_mirror})

    def places(self, instruments: tuple[str, ...], interval: str) -> list[Place]:
        """Return the series of instruments, each once.

        Args:
            instruments: Their names; none means those of the run.
            interval: The length of the candles.

        Raises:
            ConfigurationError: If a name or the length has another form.
        """
        if interval not in set(Interval):
            message = f"--interval must be one of {', '.join(Interval)}, was {interval!r}"
            raise ConfigurationError(message)
        stated = self.parsed_sources()
        listed = instruments or tuple(name for name in self.live_instruments.split(",") if name.strip())
        names = dict.fromkeys(str(parse_instrument(name.strip())) for name in listed)
        return [Place(self.run, source_of(name, stated), name, Interval(interval)) for name in names]


def request_of(
    places: Sequence[Place],
    *,
    now_ms: int,
    months: int,
    from_text: str | None = None,
    to_text: str | None = None,
    asks_again: bool = False,
) -> Request:
    """Return what is wanted.

    Args:
        places: The series.
        now_ms: By the clock of the platform.
        months: How far back, without a beginning.
        from_text: ISO time; None means the day some months before the end.
        to_text: ISO time, exclusive; None means now.
        asks_again: Whether what is stored is asked for, too.

    Raises:
        ConfigurationError: If a time has another form, or the span holds no candle.
    """
    span = span_of(from_text, to_text, months=months, now_ms=now_ms)
    series = {place: place.span(span.start_ms, span.end_ms) for place in places}
    if any(each.start_ms == each.end_ms for each in series.values()):
        message = f"the time from {text_of(span)} holds no whole candle"
        raise ConfigurationError(message)
    return Request(series, asks_again)


def span_of(from_text: str | None, to_text: str | None, *, months: int, now_ms: int) -> Stretch:
    """Return the time that is asked for.

    Args:
        from_text: ISO time; None means the day some months before the end.
        to_text: ISO time, exclusive; None means now.
        months: How many.
        now_ms: By the clock of the platform.

    Raises:
        ConfigurationError: If a time has another form, or the beginning is not before the end.
    """
    newest_ms = now_ms - _NEWEST_MS
    asked_ms = parse_time(to_text, "--to")
    end_ms = newest_ms if asked_ms is None else min(asked_ms, newest_ms)
    start_ms = parse_time(from_text, "--from")
    start_ms = months_before(end_ms, months) if start_ms is None else start_ms
    if start_ms >= end_ms:
        message = f"--from must be before --to and in the past, was {text_of_time(start_ms)}"
        raise ConfigurationError(message)
    return Stretch(start_ms, end_ms)


def months_before(time_ms: int, months: int) -> int:
    """Return the beginning of the day that lies some months before a time; a month that is too short has its last day."""
    day = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    count = day.year * 12 + day.month - 1 - months
    year, month = count // 12, count % 12 + 1
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    first = datetime(year, month, 1, tzinfo=UTC)
    last_day = (following - first).days
    return round(first.replace(day=min(day.day, last_day)).timestamp() * 1000)
