"""What is in the log already: from the durable store, and from the end of the log that the store lacks.

A collector that is killed between publishing and remembering finds what it published in the log. So the log alone
decides what is new, by natural keys, record by record.
"""

import hashlib
from collections.abc import Iterable, Iterator

from producers.jobs.collecting.rounds import KnownBefore, RejectedItem
from schemas import codec
from schemas.errors import ContractError
from schemas.events import (
    ArticlePublished,
    Event,
    PriceObserved,
    SourceHealthChanged,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.topics import BY_NAME, MARKET_PRICE, NEWS_ARTICLE, SOURCES_STATUS, dead_letters
from schemas.wire.administration import Administration
from schemas.wire.kafka import Reader, read_range
from schemas.wire.postgres.collected import CollectedBefore, StoredVersion
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.settings import KafkaEndpoint

DEAD_LETTERS = dead_letters("collect")
HISTORY_GROUP = "driftline-history"
#: The source of the watermarks of news, which are about all sources of articles together.
NEWS = "news"
_TOPICS = (NEWS_ARTICLE, MARKET_PRICE, SOURCES_STATUS)
#: So much of the end of the topic of articles is read again, because the newest watermark is there.
_N_NEWEST = 2_000


class KnownRecords:
    """What was published of a run.

    Args:
        stream: The run.

    Attributes:
        vouched_ms: The newest known time up to which a watermark vouches for articles; -1 if none does.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.vouched_ms = -1
        self.health: dict[str, SourceHealthChanged] = {}
        self._versions: dict[tuple[str, int], StoredVersion] = {}
        self._articles: set[tuple[str, int, str]] = set()
        self._prices: dict[str, PriceObserved] = {}
        self._letters: set[bytes] = set()

    def before(self) -> KnownBefore:
        """Return what sources have to know.

        A version of which a record is missing is left out, so that its source gives it again: on a broker that shows
        the records of transactions which were never committed, a killed collector may have left a part of it.
        """
        whole = (
            version
            for (article_id, number), version in self._versions.items()
            if all((article_id, number, asset) in self._articles for asset in version.assets)
        )
        return KnownBefore(tuple(whole), dict(self._prices))

    def is_new(self, event: Event) -> bool:
        """Whether an event is not in the log."""
        match event:
            case ArticlePublished():
                return (event.article_id, event.version, event.asset) not in self._articles
            case PriceObserved():
                newest = self._prices.get(event.instrument)
                return newest is None or event.event_time_ms > newest.event_time_ms
            case _:
                return True

    def is_new_letter(self, item: RejectedItem) -> bool:
        """Whether an item was not put aside before."""
        return letter_key(item) not in self._letters

    def add(self, event: Event) -> None:
        """Take an event that is in the log now."""
        match event:
            case ArticlePublished():
                self._articles.add((event.article_id, event.version, event.asset))
                self._versions.setdefault((event.article_id, event.version), _version_of(event))
            case PriceObserved():
                if self.is_new(event):
                    self._prices[event.instrument] = event
            case SourceHealthChanged():
                before = self.health.get(event.source)
                if before is None or before.event_time_ms <= event.event_time_ms:
                    self.health[event.source] = event
            case WatermarkAdvanced() | SourceReturned() if event.source == NEWS:
                self.vouched_ms = max(self.vouched_ms, event.event_time_ms)
            case _:
                pass

    def add_version(self, version: StoredVersion) -> None:
        """Take a stored version of an article."""
        self._versions[version.article_id, version.version] = version
        self._articles.update((version.article_id, version.version, asset) for asset in version.assets)

    def add_letter(self, key: bytes) -> None:
        """Take the key of an item that was put aside."""
        self._letters.add(key)


def letter_key(item: RejectedItem) -> bytes:
    """Return what a rejected item is known by."""
    digest = hashlib.sha256(b"\0".join((item.rule.encode(), (item.place or "").encode(), item.raw)))
    return f"{item.source}/{digest.hexdigest()[:24]}".encode()


def restored(stream: str, pool: PostgresPool, endpoint: KafkaEndpoint) -> KnownRecords:
    """Return what was published of a run.

    Args:
        stream: The run.
        pool: The durable store.
        endpoint: The broker.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
        StoreUnavailableError: If Postgres does not answer.
    """
    stored_to = _stored_to(endpoint)  # before the store is read, which may store more in between
    known = KnownRecords(stream)
    for version in CollectedBefore(pool).versions(stream):
        known.add_version(version)
    for event in (*StoredPrices(pool).newest(stream), *StoredSources(pool).health(stream)):
        known.add(event)
    for event in _logged(endpoint, stored_to):
        if event.stream == stream:
            known.add(event)
    for record in read_range(endpoint, {(DEAD_LETTERS.name, 0): 0}):
        known.add_letter(record.key or b"")
    return known


def _stored_to(endpoint: KafkaEndpoint) -> dict[tuple[str, int], int]:
    """The offsets up to which the store has everything; the beginning where that is not known."""
    places = [(topic.name, number) for topic in _TOPICS for number in range(topic.n_partitions)]
    reader = Reader(endpoint, group=HISTORY_GROUP, topics=(), is_fixed=True)
    try:
        committed = reader.committed(places)
    finally:
        reader.close()
    return {place: committed.get(place, 0) for place in places}


def _logged(endpoint: KafkaEndpoint, stored_to: dict[tuple[str, int], int]) -> Iterator[Event]:
    place = (NEWS_ARTICLE.name, 0)
    newest = max(Administration(endpoint).ends([place])[place] - _N_NEWEST, 0)
    for record in read_range(endpoint, {**stored_to, place: min(stored_to[place], newest)}):
        try:
            yield codec.decode(BY_NAME[record.topic], record.value, record.headers)
        except ContractError:
            continue  # the history sink puts it aside


def _version_of(event: ArticlePublished) -> StoredVersion:
    return StoredVersion(
        source=event.source,
        article_id=event.article_id,
        version=event.version,
        content_hash=event.content_hash,
        modified_ms=event.modified_ms,
        known_time_ms=event.known_time_ms,
        event_time_ms=event.event_time_ms,
        url=event.url,
        summary=event.summary,
        assets=event.assets,
    )


def item_keys(events: Iterable[Event]) -> set[tuple[object, ...]]:
    """Return the items that events are about: an article of three coins has three records."""
    return {
        (event.article_id, event.version) if isinstance(event, ArticlePublished) else event.fact()
        for event in events
    }
