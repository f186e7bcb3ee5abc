"""The news hosts of a mirror."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tests.mirror.news.articles import Archive, Article
from tests.mirror.news.sites import Site


def news_hosts(archive: Archive, *, is_moving: Callable[[], bool]) -> dict[str, Site]:
    """Return each site by its host.

    Args:
        archive: The articles.
        is_moving: Whether CoinDesk goes on publishing, or has what was recorded and nothing else.
    """

    def coindesk(now_ms: int) -> Sequence[Article]:
        if not is_moving():
            return archive.told + archive.coindesk
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        return [each for each in archive.wire if each.published <= now] + archive.coindesk

    sites = {
        "www.coindesk.com": Site(
            "CoinDesk", "https://www.coindesk.com", coindesk, feed="/arc/outboundfeeds/rss", n_feed=25,
            listings=("/", "/latest-crypto-news", "/markets", "/policy", "/business", "/tech"),
            sitemaps=("/sitemap.xml", "/arc/outboundfeeds/sitemap"), is_wordpress=False,
        ),
        "cryptoslate.com": Site(
            "CryptoSlate", "https://cryptoslate.com", lambda _: archive.cryptoslate, feed="/feed", n_feed=10,
            listings=("/", "/news", "/top-news"), sitemaps=("/sitemap_index.xml", "/post-sitemap.xml"), is_wordpress=True,
        ),
        "cointelegraph.com": Site(
            "Cointelegraph", "https://cointelegraph.com", lambda _: archive.cointelegraph, feed="/rss", n_feed=30,
            listings=("/", "/news"), sitemaps=("/sitemap.xml", "/sitemap/post-1.xml"), is_wordpress=False,
        ),
    }  # fmt: skip
    return {
        **sites,
        "coindesk.com": sites["www.coindesk.com"],
        "www.cryptoslate.com": sites["cryptoslate.com"],
    }
