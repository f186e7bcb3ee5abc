"""What a live run is: its instruments, and its stream. A run on a mirror is a run of its own kind, and never live.

It stands apart from :mod:`.runs` because no file and no simulation knows any of it.
"""

from producers.settings import ProducerSettings, RunSource
from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind, stream_id

LIVE_STREAM = str(StreamKind.LIVE)


def live_instruments(settings: ProducerSettings) -> tuple[str, ...]:
    """Return the instruments that a live run follows, the reference first.

    Raises:
        ConfigurationError: If none is named, one is named twice, or a name has another form.
    """
    names = tuple(
        str(parse_instrument(name.strip())) for name in settings.live_instruments.split(",") if name.strip()
    )
    if not names or len(set(names)) < len(names):
        message = (
            f"DRIFTLINE_LIVE_INSTRUMENTS must name instruments, each once, was {settings.live_instruments!r}"
        )
        raise ConfigurationError(message)
    return names


def live_kind(settings: ProducerSettings) -> StreamKind:
    """Return whether a live run is live, or runs on a mirror."""
    return StreamKind.LIVE if settings.sources_mirror is None else StreamKind.MIRROR


def live_stream(settings: ProducerSettings) -> str:
    """Return the stream of a live run: ``live``, or one for each mirror by its address."""
    if settings.sources_mirror is None:
        return LIVE_STREAM
    return stream_id(StreamKind.MIRROR, {"mirror": settings.sources_mirror.strip().rstrip("/")})


def check_live(settings: ProducerSettings) -> None:
    """Refuse a live run that also names files.

    Raises:
        ConfigurationError: If it does.
    """
    if settings.source is RunSource.LIVE and settings.data is not None:
        message = "DRIFTLINE_SOURCE=live and DATA exclude each other: leave one of them out"
        raise ConfigurationError(message)
