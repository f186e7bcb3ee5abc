"""Checking a run before anything is started for it: that its files hold what is asked for.

It makes the very plan that the warm-up will make, so that both say the same of a file.
"""

from producers.jobs.planning import plan_of
from producers.settings import ProducerSettings
from schemas.streams import StreamDescription
from schemas.time import Interval, parse_time, text_of_time


def check_run(settings: ProducerSettings, *, now_ms: int) -> list[str]:
    """What should be known of a run that can be played: where it is not what was asked for.

    Raises:
        ConfigurationError: If it cannot be played: a file is unreadable or of another kind, has other
            columns, or holds nothing of the stretch.
    """
    description = plan_of(settings, None, now_ms=now_ms).description
    return [] if settings.data is None else _notes(settings, description)


def _notes(settings: ProducerSettings, description: StreamDescription) -> list[str]:
    interval_ms = Interval(str(description.parameters.get("interval", Interval.ONE_MINUTE))).milliseconds
    from_ms, to_ms = parse_time(settings.from_time, "FROM"), parse_time(settings.to_time, "TO")
    end_ms, notes = description.end_ms, []
    if from_ms is not None and description.origin_ms - from_ms >= interval_ms:
        notes.append(
            f"FROM {text_of_time(from_ms)} is outside the data: played from {text_of_time(description.origin_ms)}"
        )
    if to_ms is not None and end_ms is not None and to_ms - end_ms >= interval_ms:
        notes.append(f"TO {text_of_time(to_ms)} is outside the data: played to {text_of_time(end_ms)}")
    return notes
