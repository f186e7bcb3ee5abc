"""Versions of articles."""

from producers.normalise.news.articles import Reading, events_of, reading_of
from producers.normalise.news.times import read_time
from producers.normalise.news.versions import ArticleVersions, KnownVersion
from schemas import codec
from schemas.topics import NEWS_ARTICLE

URL = "https://cryptoslate.com/bitcoin-falls-below-95k/"
NOW_MS = read_time("2026-09-25T15:00:00Z").ms


def reading(text: str, *, modified: str | None = None, url: str = URL) -> Reading:
    return reading_of(
        url=url,
        title="Bitcoin and LINK token fall",
        text=text,
        published=read_time("2026-09-25T10:41:53-04:00"),
        now_ms=NOW_MS,
        modified=None if modified is None else read_time(modified),
        categories=("Markets", "markets", "News"),
    )


def published(versions: ArticleVersions, *readings: Reading) -> list[int | None]:
    """The version of each reading; each is published at once."""
    made: list[int | None] = []
    for each in readings:
        article = versions.seen(each, source="cryptoslate", now_ms=NOW_MS, may_pass_on_text=False)
        made.append(None if article is None else article.version)
        versions.confirm([article] if article else [])
    return made


def test_other_content_is_the_next_version() -> None:
    assert published(ArticleVersions(), *map(reading, "aab")) == [0, None, 1]


def test_old_copies_of_a_content_delivery_network_make_no_versions() -> None:
    assert published(ArticleVersions(), *map(reading, "abababcacb")) == [
        0,
        1,
        None,
        None,
        None,
        None,
        2,
        None,
        None,
        None,
    ]


def test_old_content_is_a_version_if_the_publisher_changed_it_later() -> None:
    first, second = reading("a", modified="2026-09-25T14:45Z"), reading("b", modified="2026-09-25T14:50Z")
    back = reading("a", modified="2026-09-25T14:55Z")
    assert published(ArticleVersions(), first, second, first, back, back, second) == [
        0,
        1,
        None,
        2,
        None,
        None,
    ]


def test_versions_are_the_same_after_a_restart() -> None:
    versions = ArticleVersions()
    kept = [
        KnownVersion(
            article_id=each.article_id, version=number, content_hash=each.content_hash, modified_ms=None,
            first_seen_ms=NOW_MS, url=URL,
        )
        for number, each in enumerate(map(reading, "ab"))
    ]  # fmt: skip
    versions.restore([*reversed(kept), *kept])
    assert published(versions, *map(reading, "abc")) == [None, None, 2]


def test_address_under_which_an_article_was_published_first_stays() -> None:
    versions = ArticleVersions()
    published(versions, reading("a"))
    other = versions.seen(
        reading("b", url=URL.rstrip("/")), source="cryptoslate", now_ms=NOW_MS, may_pass_on_text=False
    )
    assert other is not None
    assert (other.url, other.version) == (URL, 1)


def test_article_becomes_one_event_for_each_asset() -> None:
    article = ArticleVersions().seen(reading("a"), source="cryptoslate", now_ms=NOW_MS, may_pass_on_text=True)
    assert article is not None
    events = events_of(article, stream="live")
    assert [event.asset for event in events] == ["BTC", "LINK"]
    for event in events:
        assert codec.decode(NEWS_ARTICLE, codec.encode(event), ()) == event
    assert (events[0].published_zone, events[0].categories, events[0].text) == (
        "-04:00",
        ("Markets", "News"),
        "a",
    )


def test_text_is_left_out_where_the_terms_do_not_let_us_pass_it_on() -> None:
    article = ArticleVersions().seen(
        reading("a"), source="cryptoslate", now_ms=NOW_MS, may_pass_on_text=False
    )
    assert article is not None
    assert article.text is None
    assert article.content_hash == reading("a").content_hash
