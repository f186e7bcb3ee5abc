"""The absences of news that last, and the records that end them.

While scoring is away, the monitor says so on the topic of scores, at least once a second
(:mod:`stream_processors.monitoring.absences`). An agent that starts ends what it finds there, before it publishes
anything else. A silence that the monitor publishes at that very moment ends with the first watermark that is later.
"""

from collections.abc import Iterable

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event, SourceFellSilent, SourceReturned, WatermarkAdvanced
from schemas.topics import NEWS_SENTIMENT
from schemas.wire.administration import Administration
from schemas.wire.kafka import Record, read_range
from schemas.wire.settings import KafkaEndpoint

_PLACE = (NEWS_SENTIMENT.name, 0)
#: While an absence lasts, almost nothing else is published.
_N_NEWEST = 500


def returns_after(records: Iterable[Record]) -> list[SourceReturned]:
    """Return the ends of the absences that last after these records, one for each run."""
    silent: dict[tuple[str, str], SourceFellSilent] = {}
    for record in records:
        try:
            event: Event = codec.decode(NEWS_SENTIMENT, record.value, record.headers)
        except ContractError:
            continue  # its readers put it aside
        match event:
            case SourceFellSilent():
                silent[event.stream, event.source] = event
            case SourceReturned() | WatermarkAdvanced():
                silent.pop((event.stream, event.source), None)
            case _:
                pass
    return [_end_of(event) for event in silent.values()]


def lasting_absences(endpoint: KafkaEndpoint) -> list[SourceReturned]:
    """Return the ends of the absences that last on the broker.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    administration = Administration(endpoint)
    end = administration.ends([_PLACE])[_PLACE]
    begin = administration.beginnings([_PLACE])[_PLACE]
    return returns_after(read_range(endpoint, {_PLACE: max(begin, end - _N_NEWEST)}))


def _end_of(silence: SourceFellSilent) -> SourceReturned:
    until_ms = silence.event_time_ms if silence.absent_until_ms is None else silence.absent_until_ms
    return SourceReturned(
        event_time_ms=until_ms,
        known_time_ms=max(silence.known_time_ms, until_ms),
        source=silence.source,
        stream=silence.stream,
    )
