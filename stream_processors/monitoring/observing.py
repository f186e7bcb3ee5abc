"""Looking at the log for the monitor: which dead letters are open, and how far each group is.

Nothing is committed and no group is joined. A look reads what was added to the dead-letter topics,
``alerts.v1`` and ``models.effect.v1`` since the last look, and asks the broker for the offsets of groups and
partitions.
"""

from collections.abc import Iterator, Mapping

from schemas import codec
from schemas.errors import ContractError
from schemas.events import AlertRaised
from schemas.time import Clock
from schemas.topics import (
    ALERTS,
    CONSUMERS,
    EVENT_TOPICS,
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_TICK,
    MODELS_EFFECT,
    NEWS_ARTICLE,
    NEWS_SENTIMENT,
    PREDICTIONS,
    PROGRESS_SCORING,
    Topic,
)
from schemas.wire.administration import Administration
from schemas.wire.following import first_published
from schemas.wire.kafka import Positions, Record, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.alerting import GroupPartition, GroupProgress, MonitorObservation
from stream_processors.runtime.alerts import alert_in
from stream_processors.runtime.letters import CONSUMER_OF, letter_identity

_Where = tuple[str, int]


def read_by(*, has_companions: bool, has_news: bool = False) -> dict[str, tuple[Topic, ...]]:
    """Return the topics that each consumer group reads.

    ``tests/jobs/stream_processors/test_monitor.py`` compares this with the jobs.

    Args:
        has_companions: Whether any instrument has companions, so that vectors are joined and scored.
        has_news: Whether the run has news, so that copies of articles are found, articles are scored, and news
            features are made.
    """
    found = {
        "driftline-market": (MARKET_CANDLE, MARKET_TICK),
        "driftline-outcomes": (PREDICTIONS, PROGRESS_SCORING, MARKET_BAR),
        "driftline-scoring": (FEATURES_MARKET,),
        "driftline-history": EVENT_TOPICS,
    }
    if has_companions:
        found |= {
            "driftline-vectors": (FEATURES_MARKET,),
            "driftline-scoring": (FEATURES_MARKET, FEATURES_VECTOR),
        }
    if has_news:
        found |= {
            "driftline-articles": (NEWS_ARTICLE,),
            "driftline-sentiment": (NEWS_ARTICLE,),
            "driftline-news": (NEWS_SENTIMENT,),
        }
    return found


class LogObserver:
    """Looks at one broker.

    Args:
        endpoint: The broker.
        clock: Tells when each look is.
        has_companions: Whether any instrument has companions: see :func:`read_by`.
        has_news: Whether the run has news: see :func:`read_by`.
    """

    def __init__(
        self, endpoint: KafkaEndpoint, *, clock: Clock, has_companions: bool = False, has_news: bool = False
    ) -> None:
        self._endpoint = endpoint
        self._read_by: Mapping[str, tuple[Topic, ...]] = read_by(
            has_companions=has_companions, has_news=has_news
        )
        self._clock = clock
        self._administration = Administration(endpoint)
        self._read_to: Positions = {(name, 0): 0 for name in (*CONSUMER_OF, ALERTS.name, MODELS_EFFECT.name)}
        self._open: dict[str, set[str]] = {consumer: set() for consumer in CONSUMERS}
        self._resolved: dict[str, set[str]] = {consumer: set() for consumer in CONSUMERS}
        self._lost: dict[tuple[object, ...], int] = {}
        self._seen: dict[GroupPartition, GroupProgress] = {}

    def look(self) -> tuple[MonitorObservation, list[AlertRaised]]:
        """Return the present observation, and the alerts that were published since the last look.

        Raises:
            BrokerUnavailableError: If the broker does not answer, or a topic is missing.
        """
        alerts = list(self._new_alerts())
        self._seen = self._progress()
        depths = {consumer: len(letters) for consumer, letters in self._open.items()}
        n_lost = sum(self._lost.values())
        return MonitorObservation(self._clock.monotonic_s(), depths, self._seen, n_lost), alerts

    def _new_alerts(self) -> Iterator[AlertRaised]:
        for record in read_range(self._endpoint, self._read_to):
            self._read_to[record.topic, record.partition] = record.offset + 1
            if record.topic == ALERTS.name:
                alert = alert_in(record)
                if alert is not None:
                    yield alert
            elif record.topic == MODELS_EFFECT.name:
                self._take_effect(record)
            else:
                self._take_letter(record)

    def _take_effect(self, record: Record) -> None:
        """Count the bars that a late champion left without a prediction; the first record of a fact counts."""
        try:
            effect = codec.decode(MODELS_EFFECT, record.value, record.headers)
        except ContractError:
            return  # the history sink puts it aside
        self._lost.setdefault(effect.fact(), effect.n_let_go)

    def _take_letter(self, record: Record) -> None:
        consumer = CONSUMER_OF[record.topic]
        letter, is_resolution = letter_identity(record)
        if is_resolution:
            self._resolved[consumer].add(letter)
            self._open[consumer].discard(letter)
        elif letter not in self._resolved[consumer]:
            self._open[consumer].add(letter)

    def _progress(self) -> dict[GroupPartition, GroupProgress]:
        """Ask for committed offsets before the ends, so that what a group commits in between is no lag."""
        committed = {group: self._committed(group, topics) for group, topics in self._read_by.items()}
        ends = self._administration.ends(
            {where for found in committed.values() for where in found}, are_stable=True
        )
        seen: dict[GroupPartition, GroupProgress] = {}
        for group, found in committed.items():
            waiting = self._waiting_since(group, found, ends)
            for where, offset in found.items():
                seen[GroupPartition(group, *where)] = GroupProgress(offset, ends[where], waiting.get(where))
        return seen

    def _committed(self, group: str, topics: tuple[Topic, ...]) -> Positions:
        """The next offset of a group in each partition; the first record's where it never committed."""
        partitions = [(topic.name, number) for topic in topics for number in range(topic.n_partitions)]
        found = self._administration.committed(group, partitions)
        return self._administration.beginnings(set(partitions) - found.keys()) | found

    def _waiting_since(self, group: str, committed: Positions, ends: Positions) -> dict[_Where, int | None]:
        """When the first unread record of each partition was published; asked only where something moved."""
        waiting: dict[_Where, int | None] = {}
        unknown: Positions = {}
        for where, offset in committed.items():
            before = self._seen.get(GroupPartition(group, *where))
            if offset >= ends[where]:
                waiting[where] = None
            elif (
                before is not None
                and before.committed == offset
                and (before.end == ends[where] or before.waiting_since_ms is not None)
            ):
                waiting[where] = before.waiting_since_ms
            else:
                unknown[where] = offset
        return waiting | first_published(self._endpoint, unknown)
