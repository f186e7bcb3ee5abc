"""Fakes of the collector's ports: sources whose rounds a test states, and a log with transactions."""

from collections.abc import Sequence

from producers.jobs.collecting.publishing import TransactionalOutlet
from producers.jobs.collecting.rounds import CollectedRound, CollectedSource, KnownBefore
from schemas import codec
from schemas.events import ArticlePublished, Event, PriceObserved
from schemas.topics import BY_NAME

NOW_MS = 1_750_000_000_000
MINUTE_MS = 60_000


def article(
    number: int, *, asset: str = "BTC", version: int = 0, source: str = "coindesk", **changes
) -> ArticlePublished:
    stated = {
        "event_time_ms": NOW_MS - number * MINUTE_MS,
        "known_time_ms": NOW_MS,
        "source": source,
        "stream": "live",
        "asset": asset,
        "assets": (asset,),
        "article_id": f"{number:024x}",
        "version": version,
        "url": f"https://news.example.com/{number}",
        "title": f"Article {number}",
        "content_hash": f"{number}-{version}",
    }
    return ArticlePublished(**(stated | changes))


def price(time_ms: int, *, instrument: str = "BTC-USD.COINGECKO", value: float = 100.0) -> PriceObserved:
    return PriceObserved(
        event_time_ms=time_ms,
        known_time_ms=max(time_ms, NOW_MS),
        source="coingecko",
        stream="live",
        instrument=instrument,
        price=value,
    )


class FakeSource(CollectedSource):
    """Gives the stated rounds or errors in turn, the last one for ever; remembers what was confirmed."""

    def __init__(
        self,
        name: str,
        *rounds: CollectedRound | Exception,
        interval_s: float = 60.0,
        usual_s: float | None = 3600.0,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self.usual_s = usual_s
        self.known: KnownBefore | None = None
        self.confirmed: list[CollectedRound] = []
        self.n_collected = 0
        self._rounds = list(rounds)

    @property
    def n_requests(self) -> int:
        return self.n_collected

    def restore(self, known: KnownBefore) -> None:
        self.known = known

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:
        self.n_collected += 1
        read = self._rounds.pop(0) if len(self._rounds) > 1 else self._rounds[0]
        if isinstance(read, Exception):
            raise read
        return read

    def confirm(self, read: CollectedRound) -> None:
        self.confirmed.append(read)


class FakeLog(TransactionalOutlet):
    """A log that shows what was committed; ``fail_at`` makes a call fail."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes | None, bytes | None, codec.Headers]] = []
        self.n_commits = 0
        self.failure: Exception | None = None
        self._open: list[tuple[str, bytes | None, bytes | None, codec.Headers]] = []

    def begin(self) -> None:
        self._open = []

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: codec.Headers | None = None,
    ) -> None:
        self._open.append((topic, value, key, headers or []))

    def flush(self, *, timeout_s: float = 15.0) -> None:
        pass

    def commit(self, *, timeout_s: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.records += self._open
        self._open = []
        self.n_commits += 1

    def events(self, *kinds: type[Event]) -> list[Event]:
        found = [
            codec.decode(BY_NAME[topic], value)
            for topic, value, _, _ in self.records
            if BY_NAME[topic].events
        ]
        return [event for event in found if not kinds or isinstance(event, kinds)]

    def letters(self) -> list[dict[str, str | bytes | None]]:
        return [dict(headers) for topic, _, _, headers in self.records if topic.startswith("dead_letters.")]


def round_of(source: str, *events: Event, **changes) -> CollectedRound:
    newest = max((event.event_time_ms for event in events), default=None)
    stated = {
        "events": tuple(events),
        "n_seen": len(events),
        "n_new": len(events),
        "newest_ms": newest,
    }
    return CollectedRound(source=source, **(stated | changes))


def facts(events: Sequence[Event]) -> list[tuple[object, ...]]:
    return [event.fact() for event in events]


class FakeItems(CollectedSource):
    """A source that keeps the contract of the port: what it shows comes again until it is confirmed."""

    name = "fake"
    interval_s = 60.0
    usual_s: float | None = None
    n_requests = 0

    def __init__(self) -> None:
        self.shown: list[ArticlePublished] = []
        self.failure: Exception | None = None
        self._known: set[tuple[str, int]] = set()

    def restore(self, known: KnownBefore) -> None:
        own = (each for each in known.versions if each.source == self.name)
        self._known.update((each.article_id, each.version) for each in own)

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:
        self.n_requests += 1
        if self.failure is not None:
            raise self.failure
        new = [event for event in self.shown if (event.article_id, event.version) not in self._known]
        return CollectedRound(
            source=self.name,
            events=tuple(new),
            n_seen=len(self.shown),
            n_new=len(new),
            n_duplicate=len(self.shown) - len(new),
            newest_ms=max((event.event_time_ms for event in self.shown), default=None),
        )

    def confirm(self, read: CollectedRound) -> None:
        self._known.update((e.article_id, e.version) for e in read.events if isinstance(e, ArticlePublished))
