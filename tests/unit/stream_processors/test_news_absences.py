"""When news counts as away, as timelines: what lies on the two topics, and when it came there."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import SourceFellSilent, SourceReturned, WatermarkAdvanced
from stream_processors.operators.news_absences import NewsAbsenceJudge
from stream_processors.operators.news_runs import NewsRun
from tests.fixtures.market_events import STREAM, T0, watermark

AWAY_S = 30.0


class Timeline:
    """The two topics second by second, with an agent and a collector that may be away."""

    def __init__(self) -> None:
        self.judge = NewsAbsenceJudge(STREAM, away_after_s=AWAY_S)
        self.now_s = 0
        self.silences: list[tuple[int, SourceFellSilent]] = []
        self.run = NewsRun(STREAM, [])
        self._unscored: list[WatermarkAdvanced] = []
        self._was_away = False

    def go(self, seconds: int, *, agent: bool = True, collector: bool = True) -> "Timeline":
        for _ in range(seconds):
            self._second(agent=agent, collector=collector)
        return self

    def _second(self, *, agent: bool, collector: bool) -> None:
        self.now_s += 1
        if collector:
            said = watermark(self.now_s * 1000, source="news")
            self.judge.on_article(said, at_s=self.now_s)
            self._unscored.append(said)
        if agent:
            self._catch_up()
        self._was_away = not agent
        silence = self.judge.look(now_s=self.now_s, now_ms=T0 + self.now_s * 1000)
        if silence is not None:
            self._say(silence)
            self.silences.append((self.now_s, silence))

    def _catch_up(self) -> None:
        if self._was_away and self.judge.is_absent:
            until_ms = self.silences[-1][1].absent_until_ms or 0
            self._say(
                SourceReturned(event_time_ms=until_ms, known_time_ms=until_ms, source="news", stream=STREAM)
            )
        for said in self._unscored:
            self._say(said)
        self._unscored.clear()

    def _say(self, said: WatermarkAdvanced | SourceFellSilent | SourceReturned) -> None:
        """Publish on the topic of scores, which the monitor follows and the job news reads."""
        self.judge.on_sentiment(said)
        match said:
            case WatermarkAdvanced():
                list(self.run.on_watermark(said))
            case SourceFellSilent():
                list(self.run.on_silence(said))
            case SourceReturned():
                list(self.run.on_return(said))


def test_nothing_is_said_while_scores_come():
    assert Timeline().go(300).silences == []


def test_scoring_that_is_away_for_less_than_thirty_seconds_is_not_absent():
    assert Timeline().go(60).go(29, agent=False).go(60).silences == []


def test_scoring_that_is_away_is_absent_since_its_last_watermark_and_further_each_second():
    found = Timeline().go(60).go(60, agent=False).silences
    assert [second for second, _ in found] == list(range(90, 121))
    assert {silence.event_time_ms for _, silence in found} == {T0 + 60_000}
    assert [silence.absent_until_ms for _, silence in found] == [T0 + s * 1000 for s in range(90, 121)]


def test_an_agent_that_returns_ends_it():
    assert len(Timeline().go(60).go(60, agent=False).go(300).silences) == 31


def test_an_agent_that_was_never_there_is_absent_since_the_first_watermark():
    found = Timeline().go(60, agent=False).silences
    assert found[0][1].event_time_ms == T0 + 1000
    assert found[0][0] == 31


def test_a_collector_that_is_away_is_absent_too():
    found = Timeline().go(60).go(60, collector=False).silences
    assert found[0][0] == 90
    assert found[0][1].absent_until_ms == T0 + 90_000
    assert found[-1][1].absent_until_ms == T0 + 120_000


def test_both_may_be_away_and_return():
    timeline = Timeline().go(60).go(60, agent=False).go(60, agent=False, collector=False).go(300)
    assert timeline.silences[-1][0] == 180
    assert timeline.silences[-1][1].absent_until_ms == T0 + 180_000


def test_a_monitor_that_slept_judges_nothing_of_that_time():
    timeline = Timeline().go(60).go(20, agent=False)
    timeline.now_s += 600
    assert timeline.go(29, agent=False).silences == []
    assert timeline.go(30, agent=False).silences != []


def test_a_monitor_that_starts_within_an_absence_goes_on_with_it():
    before = Timeline().go(60).go(60, agent=False)
    after = Timeline()
    after.now_s = before.now_s
    after.judge.on_sentiment(before.silences[-1][1])
    found = after.go(3, agent=False).silences
    assert [silence.event_time_ms for _, silence in found] == 3 * [T0 + 60_000]


@given(st.lists(st.tuples(st.integers(1, 70), st.booleans(), st.booleans()), max_size=8))
def test_no_close_waits_for_longer_than_that(stretches: list[tuple[int, bool, bool]]):
    """Whoever is away, the topic of scores is at most 31 s behind, and so is the job that makes features of it."""
    timeline = Timeline().go(5)
    for seconds, agent, collector in stretches:
        for _ in range(seconds):
            timeline.go(1, agent=agent, collector=collector)
            for reached_ms in (timeline.judge.passed_ms, timeline.run.progress.closed_ms):
                assert T0 + timeline.now_s * 1000 - reached_ms <= (AWAY_S + 1) * 1000
