"""The part of a run behind its warm-up: a file at a multiple of real time, a simulation in time.

It resumes behind the log's newest event. Where the broker forgot it, it resumes from the stored
position, which may repeat the events of its last millisecond; consumers drop what they have.
"""

import structlog

from producers.jobs.pacing import Pacer
from producers.jobs.plans import times_of
from producers.jobs.positions import Logged
from producers.jobs.sessions import Session
from producers.normalise.watermarks import Reached, with_watermarks
from schemas.events import SourceFellSilent
from schemas.streams import StreamKind
from schemas.time import text_of_time

log = structlog.get_logger()


def replay(session: Session) -> bool:
    """Say what comes behind the stored position, each when it is due, to the end of the data.

    A replayed file is paced by known time from here on. A simulation is paced by the wall clock:
    what was missed is said at once, and then each trade when it happens.

    Returns:
        Whether the end was reached; False when the process was asked to end before.

    Raises:
        BrokerUnavailableError: If the broker does not take a record.
        StoreUnavailableError: If the history does not answer.
    """
    plan, clock = session.plan, session.clock
    description = plan.description
    said = _resumed(session)
    times = session.times(said)
    after = said.reached
    now_ms = clock.now_ms()
    is_simulation = description.kind is StreamKind.SIMULATION
    pacer = Pacer(
        clock,
        speed=session.speed,
        is_stopped=session.is_stopped,
        starts_at_ms=now_ms if is_simulation else None,
    )
    log.info(
        "source begins",
        title=description.title,
        stream=description.stream,
        speed=session.speed,
        from_time=text_of_time(after.event_time_ms(times) or description.origin_ms),
    )
    speaker = session.speaker(said)
    events = session.events(said, until_ms=None, now_ms=now_ms)
    with session.progress(str(description.kind), until_ms=description.end_ms) as progress:
        for spoken in with_watermarks(events, times, after=after, is_to_the_end=True):
            if not pacer.wait_until(spoken.event.known_time_ms):
                session.outlet.flush()
                log.info("source stops", n_events=speaker.n_events)
                return False
            speaker.say(spoken)
            if isinstance(spoken.event, SourceFellSilent):
                pacer.skip_gap()
            progress.reached(spoken.event.event_time_ms, speaker.n_events)
    speaker.finish(session.on_left)
    log.info("source is at its end", title=description.title, n_events=speaker.n_events)
    return True


def _resumed(session: Session) -> Logged:
    """How far the run was said, or the end of the warm-up where the history is still behind it."""
    times = times_of(session.plan.description)
    said = session.said()
    warm_up_ms = session.plan.description.warm_up_until_ms
    time_ms = said.reached.event_time_ms(times)
    if time_ms is None or time_ms < warm_up_ms:
        return said._replace(reached=Reached(candle_end_ms=warm_up_ms))
    return said
