"""The news features as a job: it reads scores, publishes a row each minute, and shows the newest row of each asset."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from schemas import codec
from schemas.errors import ConfigurationError
from schemas.events import Event, NewsFeaturesComputed
from schemas.instruments import parse_instrument
from schemas.scorers import ScorerId
from schemas.topics import NEWS_SENTIMENT
from schemas.wire.redis import Views, connect, news_key
from stream_processors.features.news_tables import warm_up_news
from stream_processors.operators.news import NewsOperator
from stream_processors.operators.news_runs import NewsSet
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings


def view_of(event: Event) -> View | None:
    """Return the view of an event: the newest features of the news about an asset."""
    if isinstance(event, NewsFeaturesComputed):
        return View(news_key(event.stream, event.asset), event.event_time_ms, partial(codec.encode, event))
    return None


def news_sets(settings: ProcessorSettings, scorers: Sequence[ScorerId]) -> tuple[NewsSet, ...]:
    """Return the rows that are made each minute: those of companions, and those of the assets of the run.

    Where an asset has both and they differ, the view shows the set of the assets of the run, which comes last.

    Args:
        settings: The settings.
        scorers: The scorers of the rows of the assets of the run.

    Raises:
        ConfigurationError: If a setting has another form, or there would be no rows.
    """
    found = tuple(dict.fromkeys(_asked(settings, scorers)))
    if not found:
        message = (
            "there is no scorer or no asset to make news features of: DRIFTLINE_SCORERS must name a scorer that can run here "
            "(vader and textblob run everywhere), and DRIFTLINE_NEWS_SCORERS and DRIFTLINE_NEWS_ASSETS, if they are set, "
            f"scorers and assets; they were {settings.news_scorers!r} and {settings.news_assets!r}"
        )
        raise ConfigurationError(message)
    credibility = settings.parsed_credibility()
    return tuple(NewsSet(asset=asset, scorers=of, credibility=credibility) for asset, of in found)


def _asked(
    settings: ProcessorSettings, scorers: Sequence[ScorerId]
) -> Iterator[tuple[str, tuple[ScorerId, ...]]]:
    for target, companions in settings.parsed_companions().items():
        if companions.news is not None:
            yield parse_instrument(target).base, companions.news.scorers
    if scorers:
        for asset in settings.parsed_news_assets():
            yield asset, tuple(scorers)


def news_job(sets: Sequence[NewsSet]) -> Job:
    """Return the job that the runtime drives."""
    return Job(
        name="news",
        inputs=(NEWS_SENTIMENT,),
        make_operator=lambda _partition: NewsOperator(sets),
        view_of=view_of,
    )


def run_news(
    settings: ProcessorSettings,
    stop: Callable[[], bool],
    *,
    opened: Callable[[], Sequence[ScorerId]],
) -> None:
    """Make news features until asked to stop; the kernel is compiled or loaded before the watchdog begins.

    Args:
        settings: The settings.
        stop: Asked again and again.
        opened: Finds the scorers that can run here; asked if the settings name none, or one without its version.
    """
    sets = news_sets(settings, settings.parsed_news_scorers(opened))
    warm_up_news()
    endpoints = settings.endpoints()
    run_job(
        news_job(sets),
        endpoint=endpoints.kafka,
        views=Views(connect(endpoints.redis_url), job="news"),
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )
