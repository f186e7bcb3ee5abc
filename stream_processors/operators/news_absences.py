"""Judging whether news is away: articles or watermarks that scoring does not pass on, or a collector that vouches no more.

It is judged by what lies on two topics, and by when it came there::

    news.article.v1      W1      W2      W3      W4 ...
    news.sentiment.v1        W1                            W2 has waited for 30 s: news is absent since W1, until W4
                                                           and then further with each watermark, until scoring is back

Only runs whose time is that of the clock are judged. A replay is never judged by a clock: its joins wait.
"""

from schemas.events import Event, SourceFellSilent, SourceReturned, WatermarkAdvanced
from stream_processors.operators.wakefulness import Wakefulness

NEWS = "news"
_NEVER_MS = -(2**62)


class NewsAbsenceJudge:
    """Judges one run. Pure; times of arrival are seconds of a monotonic clock.

    The time of the run is that of the newest watermark of articles, and what went by since it came. News is away if scores
    are vouched for up to a time that is too long before that, by watermarks or by what was published about an absence.

    Args:
        stream: The run.
        away_after_s: How far scores may be behind.
    """

    def __init__(self, stream: str, *, away_after_s: float) -> None:
        self._stream = stream
        self._after_s = away_after_s
        self._awake = Wakefulness(longest_gap_s=away_after_s / 2)
        self._newest_ms: int | None = None
        self._newest_at_s = 0.0
        #: The time of the run when this judge began, or woke: nobody was away before.
        self._began_ms: int | None = None
        self._scored_ms: int | None = None
        self._silent_from_ms: int | None = None
        self.passed_ms = _NEVER_MS

    @property
    def is_absent(self) -> bool:
        """Whether news is declared absent at present."""
        return self._silent_from_ms is not None

    def on_article(self, event: Event, *, at_s: float) -> None:
        """Take an event of the topic of articles."""
        if isinstance(event, WatermarkAdvanced | SourceReturned) and self._is_ours(event):
            self._newest_at_s = at_s
            self._newest_ms = max(event.event_time_ms, self._newest_ms or event.event_time_ms)

    def on_sentiment(self, event: Event) -> None:
        """Take an event of the topic of scores, also what was published about an absence."""
        if not self._is_ours(event):
            return
        match event:
            case WatermarkAdvanced():
                self._scored_ms = max(event.event_time_ms, self._scored_ms or event.event_time_ms)
                if event.event_time_ms > self.passed_ms:
                    self._silent_from_ms = None
                self._pass_to(event.event_time_ms)
            case SourceReturned():
                self._silent_from_ms = None
                self._pass_to(event.event_time_ms)
            case SourceFellSilent():
                self._silent_from_ms = event.event_time_ms
                self._pass_to(event.event_time_ms if event.absent_until_ms is None else event.absent_until_ms)
            case _:
                pass

    def look(self, *, now_s: float, now_ms: int) -> SourceFellSilent | None:
        """Return what is to be published now: that news is absent, or absent for longer; None if there is nothing.

        The judge takes note of it when it is handed back by :meth:`on_sentiment`.

        Args:
            now_s: When this look is.
            now_ms: The wall clock, which the record states as its known time.
        """
        has_woken = self._awake.since_s(now_s) == now_s
        if self._newest_ms is None:
            return None
        if has_woken:  # in the time before, nobody may have run
            self._newest_at_s = now_s
        if has_woken or self._began_ms is None:
            self._began_ms = self._time_ms(now_s)
        until_ms = self._until_ms(now_s)
        if until_ms <= self.passed_ms or not (self.is_absent or self._is_away(now_s)):
            return None
        return SourceFellSilent(
            event_time_ms=self._from_ms(),
            known_time_ms=now_ms,
            source=NEWS,
            stream=self._stream,
            absent_until_ms=until_ms,
        )

    def _is_ours(self, event: Event) -> bool:
        return event.stream == self._stream and event.source == NEWS

    def _pass_to(self, passed_ms: int) -> None:
        self.passed_ms = max(self.passed_ms, passed_ms)

    def _time_ms(self, now_s: float) -> int:
        return (self._newest_ms or 0) + int((now_s - self._newest_at_s) * 1000)

    def _is_away(self, now_s: float) -> bool:
        passed_ms = max(self.passed_ms, self._began_ms or 0)
        return self._time_ms(now_s) - passed_ms >= self._after_s * 1000

    def _until_ms(self, now_s: float) -> int:
        """The newest watermark; the time of the run if the collector, too, has been away for so long."""
        is_vouching = now_s - self._newest_at_s < self._after_s
        return (self._newest_ms or 0) if is_vouching else self._time_ms(now_s)

    def _from_ms(self) -> int:
        if self._silent_from_ms is not None:
            return self._silent_from_ms
        return (self._began_ms or 0) if self._scored_ms is None else self._scored_ms
