"""Declares that news is absent while scoring or the collector is away, so that no close waits for it.

It runs in a thread of its own, because a look of the monitor may wait for a broker for longer than a second.
"""

import threading
from collections.abc import Callable

import structlog

from schemas import codec
from schemas.errors import BrokerUnavailableError, ContractError
from schemas.events import Event, SourceFellSilent
from schemas.time import Clock
from schemas.topics import BY_NAME, NEWS_ARTICLE, NEWS_SENTIMENT
from schemas.wire.administration import Administration
from schemas.wire.kafka import Publisher, Reader, Record
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.news_absences import NewsAbsenceJudge

log = structlog.get_logger()
AWAY_AFTER_S = 30.0
_PLACES = ((NEWS_ARTICLE.name, 0), (NEWS_SENTIMENT.name, 0))
_LOOK_S = 0.5
_MOST_READ = 5_000
#: From here on the topics are read at the start: what was said last is there, if the source still speaks.
_N_NEWEST = 2_000
_FLUSH_S = 10.0


class NewsWatcher:
    """Follows the two topics of one run, and publishes absences.

    Args:
        endpoint: The broker.
        stream: The run.
        clock: Tells when records came.
        away_after_s: See :class:`NewsAbsenceJudge`.
    """

    def __init__(
        self, endpoint: KafkaEndpoint, stream: str, *, clock: Clock, away_after_s: float = AWAY_AFTER_S
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._judge = NewsAbsenceJudge(stream, away_after_s=away_after_s)
        self._administration = Administration(endpoint)
        self._reader: Reader | None = None
        self._publisher: Publisher | None = None

    def look(self) -> None:
        """Read what came, and publish that news is absent if it is.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        self._read()
        silence = self._judge.look(now_s=self._clock.monotonic_s(), now_ms=self._clock.now_ms())
        if silence is not None:
            self._publish(silence)

    def reopen(self) -> None:
        """Begin anew after an error; what is known stays."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._publisher = None

    def _read(self) -> None:
        reader = self._opened()
        while records := reader.poll(max_records=_MOST_READ, timeout_s=0.05):
            for record in records:
                self._take(record)

    def _opened(self) -> Reader:
        if self._reader is None:
            ends, begins = self._administration.ends(_PLACES), self._administration.beginnings(_PLACES)
            reader = Reader(self._endpoint, group="driftline-monitor-news", topics=(), is_fixed=True)
            reader.seek({place: max(begins[place], ends[place] - _N_NEWEST) for place in _PLACES})
            self._reader = reader
        return self._reader

    def _take(self, record: Record) -> None:
        try:
            event: Event = codec.decode(BY_NAME[record.topic], record.value, record.headers)
        except ContractError:
            return  # its readers put it aside
        if record.topic == NEWS_ARTICLE.name:
            self._judge.on_article(event, at_s=self._clock.monotonic_s())
        else:
            self._judge.on_sentiment(event)

    def _publish(self, silence: SourceFellSilent) -> None:
        if not self._judge.is_absent:
            log.warning("news is absent", stream=silence.stream, since_ms=silence.event_time_ms)
        if self._publisher is None:
            self._publisher = Publisher(self._endpoint, role="monitor-news")
        value = codec.encode(silence)
        headers = codec.headers(SourceFellSilent, codec.trace_id(value))
        self._publisher.publish(NEWS_SENTIMENT.name, value, key=silence.source.encode(), headers=headers)
        self._publisher.flush(timeout_s=_FLUSH_S)
        self._judge.on_sentiment(silence)


class NewsWatch:
    """Lets a watcher look in a thread until asked to stop.

    Args:
        watcher: The watcher.
        wait: Waits for so many seconds, and returns whether the process was asked to end.
    """

    def __init__(self, watcher: NewsWatcher, wait: Callable[[float], bool]) -> None:
        self._watcher = watcher
        self._wait = wait
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="news-watch", daemon=True)

    def start(self) -> None:
        """Begin to look at the topics of news, in a thread of its own."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, if something that is no trouble of the broker did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._wait(_LOOK_S):
                try:
                    self._watcher.look()
                except BrokerUnavailableError as error:
                    log.warning("broker is away", reason=str(error))
                    self._watcher.reopen()
        except BaseException as error:  # noqa: BLE001  (raised in the main thread)
            self._failure = error
