"""A killed agent: the monitor says that news is absent, goes on saying so, and the agent that returns ends it."""

from collections.abc import Callable
from pathlib import Path

from schemas.events import Event, SourceFellSilent, SourceReturned, WatermarkAdvanced
from schemas.topics import NEWS_ARTICLE
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher
from schemas.wire.settings import KafkaEndpoint
from stream_processors.monitoring.absences import NewsWatcher
from tests.fixtures.agent_runs import publish, running_agent, scores_on, until
from tests.fixtures.agents import new_stream

AWAY_S = 6.0
CLOCK = SystemClock()


class Collecting:
    """A collector that vouches, and a monitor that looks, whenever the test asks for something.

    Args:
        endpoint: The broker.
        stream: The run.
    """

    def __init__(self, endpoint: KafkaEndpoint, stream: str) -> None:
        self._endpoint = endpoint
        self._stream = stream
        self._publisher = Publisher(endpoint, role="tests", transactional_id="tests-vouching")
        self._publisher.prepare_transactions(timeout_s=60)
        self._watcher = NewsWatcher(endpoint, stream, clock=CLOCK, away_after_s=AWAY_S)

    def until(self, is_true: Callable[[list[Event]], bool], *, what: str) -> list[Event]:
        def holds() -> bool:
            at_ms = CLOCK.now_ms()
            said = WatermarkAdvanced(
                event_time_ms=at_ms, known_time_ms=at_ms, source="news", stream=self._stream
            )
            publish(self._publisher, NEWS_ARTICLE.name, [said])
            self._watcher.look()
            return is_true(scores_on(self._endpoint, self._stream))

        until(holds, what=what)
        return scores_on(self._endpoint, self._stream)


def n_of(kind: type[Event], found: list[Event]) -> int:
    return sum(isinstance(event, kind) for event in found)


def is_present(found: list[Event]) -> bool:
    """The newest record vouches for a time after every absence."""
    ends = [event.absent_until_ms or 0 for event in found if isinstance(event, SourceFellSilent)]
    return (
        bool(found)
        and isinstance(found[-1], WatermarkAdvanced)
        and all(end < found[-1].event_time_ms for end in ends)
    )


def test_news_is_absent_from_the_kill_to_the_return(quiet_kafka: KafkaEndpoint, tmp_path: Path) -> None:
    stream = new_stream()
    collecting = Collecting(quiet_kafka, stream)
    with running_agent(quiet_kafka, tmp_path) as agent:
        collecting.until(is_present, what=agent.log_path.read_text())
        agent.kill()
        n, last = len(scores_on(quiet_kafka, stream)), scores_on(quiet_kafka, stream)[-1]
        found = collecting.until(lambda found: n_of(SourceFellSilent, found[n:]) >= 3, what="no absence")
        silences = [event for event in found[n:] if isinstance(event, SourceFellSilent)]
        assert silences == found[n:]
        assert {event.event_time_ms for event in silences} == {last.event_time_ms}
        ends = [event.absent_until_ms or 0 for event in silences]
        assert ends == sorted(set(ends))
        agent.start()
        found = collecting.until(is_present, what=agent.log_path.read_text())
    first_said = next(event for event in found[n:] if not isinstance(event, SourceFellSilent))
    assert isinstance(first_said, SourceReturned)
