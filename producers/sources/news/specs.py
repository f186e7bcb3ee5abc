"""The table of news sources: where each is read, and what its terms let us do with its texts.

These rules are ours, and stricter than most terms: a headline, its link and the summary that the publisher himself puts
into his feed are passed on, with his name; the whole text is not. The publishers' own terms were not consulted for this
table; whoever passes texts on reads them first. The text is used in the moment in which it is read, for the hash, the language and the mentioned
coins, and is neither stored nor published where ``may_pass_on_text`` is False.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from producers.normalise.news.addresses import canonical_address
from schemas.errors import ConfigurationError, InvariantError

_MINUTE_S = 60.0
_HOUR_S = 3_600.0
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class NewsTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done with the articles of a source.

    Attributes:
        may_pass_on_summary: Whether subscribers get the summary of the feed.
        may_pass_on_text: Whether subscribers get the whole text, which is then stored too.
        retention_days: How long title, link and summary may be kept; None for as long as is wanted.
        reason: On what this rests, in a sentence.
    """

    may_pass_on_summary: bool
    may_pass_on_text: bool
    retention_days: int | None
    reason: str


class NewsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A news source.

    Attributes:
        name: The name that its events carry in ``source``.
        feeds: The addresses of its feed; the later ones are asked if the first is broken.
        listings: Pages that list its newest articles, read when no feed can be.
        sitemaps: Where a backfill begins.
        older_feed: The address of older pages of the feed, with ``{page}``; None if there are none.
        article: What the path of an article looks like.
        site: The site on which its articles lie; None if the feed links to any.
        interval_s: How often it is read.
        usual_interval_s: How often it has something new on an ordinary day; several times that is a finding.
        terms: What may be done with its articles.
    """

    name: str
    feeds: tuple[str, ...]
    listings: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    older_feed: str | None = None
    article: re.Pattern[str]
    site: str | None = None
    interval_s: float = 5 * _MINUTE_S
    usual_interval_s: float = 6 * _HOUR_S
    terms: NewsTerms


_HEADLINES = NewsTerms(
    may_pass_on_summary=True,
    may_pass_on_text=False,
    retention_days=None,
    reason="Our rule, not the publisher's terms: the headline, the feed's summary and the link, with the publisher's name, and no text.",
)
_UNREAD_TERMS = NewsTerms(
    may_pass_on_summary=True,
    may_pass_on_text=False,
    retention_days=30,
    reason="Nobody has read the terms of this feed: the headline, the summary and the link are kept for 30 days.",
)
#: An address of an article has words in its last part, where one of a section has one or two.
_ANY_ARTICLE = re.compile(r"/[^/?]*[^/?-]+(?:-[^/?-]+){3,}/?(?:\?.*)?$")

NEWS = (
    NewsSpec(
        name="coindesk",
        site="coindesk.com",
        feeds=(
            "https://www.coindesk.com/arc/outboundfeeds/rss",
            "https://www.coindesk.com/arc/outboundfeeds/rss/?outputType=xml",
        ),
        listings=("https://www.coindesk.com/latest-crypto-news", "https://www.coindesk.com/"),
        sitemaps=(
            "https://www.coindesk.com/sitemap.xml",
            "https://www.coindesk.com/arc/outboundfeeds/sitemap-index/?outputType=xml",
            "https://www.coindesk.com/arc/outboundfeeds/news-sitemap-index/?outputType=xml",
        ),
        article=re.compile(r"^/[a-z0-9-]+(?:/[a-z0-9-]+)?/\d{4}/\d{2}/\d{2}/[^/?]+"),
        usual_interval_s=3 * _HOUR_S,
        terms=_HEADLINES,
    ),
    NewsSpec(
        name="cryptoslate",
        site="cryptoslate.com",
        feeds=("https://cryptoslate.com/feed", "https://cryptoslate.com/feed/"),
        listings=("https://cryptoslate.com/news/", "https://cryptoslate.com/"),
        sitemaps=("https://cryptoslate.com/sitemap_index.xml",),
        older_feed="https://cryptoslate.com/feed?paged={page}",
        article=re.compile(r"^/[^/?-]+(?:-[^/?-]+){3,}/?$"),
        terms=_HEADLINES,
    ),
    NewsSpec(
        name="cointelegraph",
        site="cointelegraph.com",
        feeds=("https://cointelegraph.com/rss",),
        listings=("https://cointelegraph.com/",),
        sitemaps=("https://cointelegraph.com/sitemap.xml",),
        article=re.compile(r"^/(?:news|magazine|explained|learn)/(?:articles/)?[^/?]+"),
        usual_interval_s=3 * _HOUR_S,
        terms=_HEADLINES,
    ),
)
_BY_NAME = {spec.name: spec for spec in NEWS}


def news_specs(names: Sequence[str], feeds: str = "") -> tuple[NewsSpec, ...]:
    """Return the news sources of a run.

    Args:
        names: Names of the table, such as ``coindesk``, and of ``feeds``.
        feeds: Further feeds, as ``name=https://host/feed``, separated by commas. They are read whether named or not.

    Raises:
        ConfigurationError: If a name is not known, or a feed has another form.
    """
    added = {
        spec.name: spec for spec in (_spec_of(text.strip()) for text in feeds.split(",") if text.strip())
    }
    known = _BY_NAME | added
    for name in names:
        if name not in known:
            message = (
                f"DRIFTLINE_LIVE_NEWS: a news source must be one of {', '.join(sorted(known))}, or be added as name=https://host/feed, "
                f"was {name!r}"
            )
            raise ConfigurationError(message)
    return tuple(known[name] for name in dict.fromkeys((*names, *added)))


def _spec_of(text: str) -> NewsSpec:
    name, equals, address = text.partition("=")
    try:
        is_good = bool(equals) and _NAME.fullmatch(name) is not None and bool(canonical_address(address))
    except InvariantError:
        is_good = False
    if not is_good or not address.startswith("https://"):
        message = (
            f"DRIFTLINE_NEWS_FEEDS: a news feed must look like decrypt=https://decrypt.co/feed, was {text!r}"
        )
        raise ConfigurationError(message)
    home = f"https://{urlsplit(address).netloc}"
    return NewsSpec(
        name=name,
        feeds=(address,),
        listings=(f"{home}/",),
        sitemaps=(f"{home}/sitemap.xml",),
        article=_ANY_ARTICLE,
        terms=_UNREAD_TERMS,
    )
