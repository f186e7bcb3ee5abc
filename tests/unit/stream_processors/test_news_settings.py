"""Which runs have news, and which of them are judged by a clock."""

import pytest

from stream_processors.settings import ProcessorSettings


@pytest.mark.parametrize(
    ("environment", "has_news", "by_the_clock"),
    [
        ({"DRIFTLINE_STREAM": "live"}, True, True),
        ({"DRIFTLINE_STREAM": "mirror-0123"}, True, True),
        ({"DRIFTLINE_STREAM": "replay-0123"}, False, False),
        ({"DRIFTLINE_STREAM": "replay-0123", "DRIFTLINE_NEWS": "articles.csv"}, True, False),
        ({}, False, False),
    ],
)
def test_news_of_a_file_is_never_declared_absent_by_a_clock(
    environment: dict[str, str], *, has_news: bool, by_the_clock: bool
) -> None:
    """A replay whose agent was busy for half a minute was predicted without news, and no backtest could repeat it."""
    settings = ProcessorSettings.from_environment(environment)
    assert settings.has_news == has_news
    assert settings.has_news_by_the_clock == by_the_clock
