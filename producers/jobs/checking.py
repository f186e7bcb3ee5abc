"""Checks before the start of a run that its files hold the requested data.

It makes the same plan as the warm-up, so that both judge a file in the same way.
"""

from producers.jobs.news_plans import NewsPlan
from producers.jobs.planning import plan_of
from producers.settings import ProducerSettings
from schemas.errors import ConfigurationError
from schemas.streams import StreamDescription
from schemas.time import Interval, parse_time, text_of_time


def check_run(settings: ProducerSettings, *, now_ms: int) -> list[str]:
    """Return notes on a valid run: where its data differ from what was requested.

    Raises:
        ConfigurationError: If the run is not valid: a file is unreadable, has an unknown kind or wrong
            columns, or holds nothing of the requested stretch.
    """
    plan = plan_of(settings, None, now_ms=now_ms)
    if settings.data is None:
        return []
    return [
        *(note for source in plan.sources for note in source.notes),
        *_notes(settings, plan.description),
        *_target_notes(settings, plan.description),
        *_news_notes(settings, plan.description, now_ms=now_ms),
    ]


def _news_notes(settings: ProducerSettings, description: StreamDescription, *, now_ms: int) -> list[str]:
    if settings.news is None:
        return []
    return NewsPlan(settings.news, description, delay_ms=settings.news_delay_ms).notes(now_ms=now_ms)


def _target_notes(settings: ProducerSettings, description: StreamDescription) -> list[str]:
    """Name the targets that need shorter bars than the file has.

    Raises:
        ConfigurationError: If all of them do, so that the run could never predict.
    """
    interval, targets = _interval_of(description), settings.parsed_targets()
    short = [target for target in targets if target.interval.milliseconds < interval.milliseconds]
    if short == list(targets):
        message = (
            f"the candles of {description.parameters['file']} are of {interval}, and every target of "
            f"DRIFTLINE_TARGETS={settings.targets} needs shorter bars, so nothing could be predicted: set "
            f"DRIFTLINE_TARGETS={interval}:{interval}"
        )
        raise ConfigurationError(message)
    if not short:
        return []
    named = ", ".join(map(str, short))
    return [
        f"no model is trained of {named}: the candles are of {interval}, and these targets need shorter bars"
    ]


def _interval_of(description: StreamDescription) -> Interval:
    return Interval(str(description.parameters.get("interval", Interval.ONE_MINUTE)))


def _notes(settings: ProducerSettings, description: StreamDescription) -> list[str]:
    interval_ms = _interval_of(description).milliseconds
    from_ms, to_ms = parse_time(settings.from_time, "FROM"), parse_time(settings.to_time, "TO")
    end_ms, notes = description.end_ms, []
    if from_ms is not None and description.origin_ms - from_ms >= interval_ms:
        notes.append(
            f"FROM {text_of_time(from_ms)} is outside the data: played from {text_of_time(description.origin_ms)}"
        )
    if to_ms is not None and end_ms is not None and to_ms - end_ms >= interval_ms:
        notes.append(f"TO {text_of_time(to_ms)} is outside the data: played to {text_of_time(end_ms)}")
    return notes
