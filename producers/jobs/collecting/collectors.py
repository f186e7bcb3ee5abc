"""The collector: takes what the rounds of all sources came to, one after another, and publishes it.

Rounds are read in threads. Only the thread that calls :meth:`Collector.take` publishes, so that a transaction
holds one round, and what is known of the log is touched by one thread.
"""

from collections.abc import Callable, Sequence

import structlog
from msgspec.structs import replace

from producers.jobs.collecting.alerts import SourceAlerts, alert_of
from producers.jobs.collecting.known import KnownRecords
from producers.jobs.collecting.metrics import CollectorMetrics
from producers.jobs.collecting.outcomes import Failure, Outcome
from producers.jobs.collecting.publishing import RoundPublisher, TransactionalOutlet
from producers.jobs.collecting.reports import SourceReport
from producers.jobs.collecting.rounds import CollectedRound, CollectedSource
from producers.jobs.collecting.standings import PriceStandings
from producers.normalise.health import HealthJudge, UsualInterval
from schemas.events import ArticlePublished, Event, SourceHealthChanged

log = structlog.get_logger()
VOUCH_EVERY_MS = 1_000


class Collector:
    """Publishes rounds, and judges their sources.

    Args:
        sources: Those of the run; they are told here what was published before.
        known: What is in the log.
        outlet: The port to which records are published.
        metrics: Shows what was collected; None shows nothing.
        on_published: Called with new events when the log has them.
        has_news: Whether articles are read, so that watermarks vouch for them.
    """

    def __init__(
        self,
        sources: Sequence[CollectedSource],
        *,
        known: KnownRecords,
        outlet: TransactionalOutlet,
        metrics: CollectorMetrics | None = None,
        on_published: Callable[[Sequence[Event]], None] = lambda _: None,
        has_news: bool = False,
    ) -> None:
        self._has_news = has_news
        self._vouched_at_ms: int | None = None
        self._publisher = RoundPublisher(outlet, known)
        self._metrics = metrics
        self._on_published = on_published
        self._standings = PriceStandings()
        self._reports = {source.name: SourceReport(source=source.name) for source in sources}
        self._judges = {source.name: _judge(source, known) for source in sources}
        self._alerts = {source.name: SourceAlerts(known.health.get(source.name)) for source in sources}
        before = known.before()
        for source in sources:
            source.restore(before)

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """What was collected, source by source."""
        return tuple(self._reports.values())

    def vouch(self, now_ms: int, *, is_last: bool = False) -> None:
        """Publish a watermark of news, at most once a second; the first time also that the collector begins.

        Args:
            now_ms: The wall clock.
            is_last: Whether the collector ends, so that it is published in any case.

        Raises:
            BrokerUnavailableError: If the broker does not acknowledge it.
            ProducerFencedError: If another collector has taken over.
        """
        before_ms = self._vouched_at_ms
        is_due = before_ms is None or is_last or abs(now_ms - before_ms) >= VOUCH_EVERY_MS
        if self._has_news and is_due:
            self._publisher.vouch(now_ms, is_first=before_ms is None)
            self._vouched_at_ms = now_ms

    def take(self, outcome: Outcome) -> None:
        """Publish what a round came to; the round is confirmed when the log has it.

        Raises:
            BrokerUnavailableError: If the broker does not acknowledge it.
            ProducerFencedError: If another collector has taken over.
        """
        report = self._reports[outcome.source.name]
        since = replace(report)
        report.n_rounds += 1
        report.n_requests = outcome.source.n_requests
        if isinstance(outcome.read, Failure):
            self._take_failure(outcome, outcome.read)
        else:
            self._take_round(outcome, outcome.read, report)
        if self._metrics is not None:
            self._metrics.show(report, since=since)
        outcome.is_taken.set()

    def _take_round(self, outcome: Outcome, read: CollectedRound, report: SourceReport) -> None:
        times = {event.event_time_ms for event in read.events}
        said = self._judges[read.source].on_answer(
            outcome.at_ms, newest_ms=read.newest_ms, item_times_ms=times
        )
        about = self._about(read.source, said)
        events = [self._standings.judged(event, now_ms=outcome.at_ms) for event in read.events]
        published = self._publisher.publish(events, read.rejected, about)
        outcome.source.confirm(read)
        self._on_published(published.events)
        report.has_answered = True
        report.n_seen += read.n_seen
        report.n_new += published.n_new
        report.n_duplicate += read.n_duplicate + published.n_known
        report.n_rejected += published.n_rejected
        report.newest_ms = max(
            (ms for ms in (report.newest_ms, read.newest_ms) if ms is not None), default=None
        )
        for note in read.notes:
            log.warning("note", source=read.source, note=note)
        has_articles = any(isinstance(event, ArticlePublished) for event in published.events)
        if has_articles or published.n_rejected:  # prices come every minute
            log.info("collected", source=read.source, new=published.n_new, rejected=published.n_rejected)

    def _take_failure(self, outcome: Outcome, failure: Failure) -> None:
        name = outcome.source.name
        said = self._judges[name].on_failure(outcome.at_ms, failure.state, failure.reason)
        self._publisher.publish((), (), self._about(name, said))

    def _about(self, source: str, said: SourceHealthChanged | None) -> list[Event]:
        report, judge = self._reports[source], self._judges[source]
        is_other = judge.state is not report.state
        report.state, report.reason = judge.state, judge.reason
        if said is not None and is_other:
            log.info("source", source=source, state=str(said.state), reason=said.reason)
        alarming = self._alerts[source].on_round(said, judge.state)
        alerts: list[Event] = [] if alarming is None else [alert_of(alarming)]
        return [*([] if said is None else [said]), *alerts]


def _judge(source: CollectedSource, known: KnownRecords) -> HealthJudge:
    usual = UsualInterval(None if source.usual_s is None else round(source.usual_s * 1000))
    usual.add(each.event_time_ms for each in known.before().versions if each.source == source.name)
    return HealthJudge(source.name, known.stream, usual=usual, before=known.health.get(source.name))
