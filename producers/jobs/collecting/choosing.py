"""The sources that the collector reads, as the settings name them."""

from functools import partial

from producers.jobs.collecting.news import NewsSource
from producers.jobs.collecting.prices import PriceSource
from producers.jobs.collecting.rounds import CollectedSource
from producers.jobs.collecting.settings import CollectorSettings
from producers.sources.fetching import Fetcher
from producers.sources.news.counting import CountingFetcher
from producers.sources.news.readers import NewsReader
from producers.sources.news.specs import news_specs
from producers.sources.venue_table import venue_of


def sources_of(
    settings: CollectorSettings, fetcher: Fetcher, *, is_once: bool = False
) -> list[CollectedSource]:
    """Return the sources that the settings name.

    Args:
        settings: The settings.
        fetcher: Asks them.
        is_once: Whether they are read once only.

    Raises:
        ConfigurationError: If a source is not known.
    """
    prices = [
        PriceSource(source, partial(venue_of, source, instruments), fetcher, stream=settings.run)
        for source, instruments in settings.instruments_by_source(is_once=is_once).items()
    ]
    return [*prices, *news_of(settings, fetcher)]


def news_of(settings: CollectorSettings, fetcher: Fetcher) -> list[NewsSource]:
    """Return the news sources that the settings name.

    Raises:
        ConfigurationError: If a source is not known.
    """
    found = []
    for spec in news_specs(settings.names(settings.live_news), settings.news_feeds):
        asked = CountingFetcher(fetcher)
        reader = NewsReader(spec, asked)
        found.append(NewsSource(reader, asked, stream=settings.run, usual_s=spec.usual_interval_s))
    return found
