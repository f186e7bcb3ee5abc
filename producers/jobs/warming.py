"""The warm-up: the stream registered, its stored past said again, then its history up to the split.

A one-shot. When it returns, everything it said is acknowledged by the broker. Saying the stored
past again is what makes a broker that forgot everything the same broker as before: the sequence,
watermarks included, is the one that was said first. A broker that keeps its log is told only what
it lacks.
"""

from collections.abc import Iterable

import structlog

from producers.jobs.progress import Progress
from producers.jobs.publishing import Speaker
from producers.jobs.sessions import Session
from producers.normalise.watermarks import Said, with_watermarks

log = structlog.get_logger()


def warm_up(session: Session) -> None:
    """Say what is stored of the stream, then what is missing up to the end of its warm-up.

    Raises:
        BrokerUnavailableError: If the broker does not take a record.
        StoreUnavailableError: If the history does not answer.
    """
    plan = session.plan
    stream = plan.description.stream
    began_s = session.clock.monotonic_s()
    there = session.logged()
    speaker, times = session.speaker(there), session.times(there)
    stored = session.stored_events(there)
    with session.progress("warm-up", until_ms=plan.description.warm_up_until_ms) as progress:
        is_whole = _say_all(session, with_watermarks(stored, times, after=there.reached), speaker, progress)
        n_restored = speaker.n_events
        is_whole = is_whole and _say_all(session, _missing(session), speaker, progress)
    speaker.finish(session.on_left)
    if not is_whole:
        log.info("warm-up stops", stream=stream, n_events=speaker.n_events)
        return
    log.info(
        "warm-up is published",
        stream=stream,
        title=plan.description.title,
        n_restored=n_restored,
        n_new=speaker.n_events - n_restored,
        n_rejected=len(plan.rejects),
        seconds=round(session.clock.monotonic_s() - began_s, 2),
    )


def _missing(session: Session) -> Iterable[Said]:
    session.outlet.flush()
    said, description = session.said(), session.plan.description
    times = session.times(said)
    time_ms = said.reached.event_time_ms(times)
    if time_ms is not None and time_ms >= description.warm_up_until_ms:
        return ()
    events = session.events(said, until_ms=description.warm_up_until_ms, now_ms=description.created_ms)
    return with_watermarks(events, times, after=said.reached)


def _say_all(session: Session, sequence: Iterable[Said], speaker: Speaker, progress: Progress) -> bool:
    """Whether all of it was said; False when the process was asked to end."""
    for said in sequence:
        if session.is_stopped():
            return False
        speaker.say(said)
        progress.reached(said.event.event_time_ms, speaker.n_events)
    return True
