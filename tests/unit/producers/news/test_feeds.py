"""Feeds of every form, and those that are broken."""

import gzip
import json
import time
from pathlib import Path

import pytest

from producers.sources.news.feeds import Feed, read_feed
from schemas.errors import DecodeError

ITEM = (
    "<item><title>Bitcoin\u2019s fall &amp; rise</title><link>https://x.com/a-b-c-d</link><guid>1</guid>"
    "<pubDate>Fri, 25 Sep 2026 14:41:53 +0000</pubDate><description>Café</description></item>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><title type="html">Bitcoin&amp;#8217;s fall</title>'
    '<link rel="self" href="https://x.com/api/1"/><link rel="alternate" href="https://x.com/a"/><id>urn:1</id>'
    "<published>2026-09-25T14:41:53Z</published><updated>2026-09-25T15:00:00Z</updated>"
    '<author><name>A. One</name></author><author><name>B. Two</name></author><content type="html">&lt;p&gt;One&lt;/p&gt;'
    "&lt;p&gt;Two&lt;/p&gt;</content></entry></feed>"
)


def rss(items: str = ITEM, *, encoding: str = "UTF-8") -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'


def read(body: bytes, content_type: str = "") -> Feed:
    return read_feed(body, {"content-type": content_type})


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("coindesk_rss_2026-09-25.xml", 3),
        ("cointelegraph_rss_2026-09-30.xml", 2),
        ("coindesk_items_2025-11-15.json", 12),
        ("cryptoslate_items_2025-11-15.json", 5),
    ],
)
def test_every_recorded_item_is_read(recorded_data: Path, name: str, n: int) -> None:
    feed = read((recorded_data / "feeds" / name).read_bytes())
    assert (len(feed.entries), feed.note) == (n, None)
    assert all(each.link.startswith("https://") and each.published and each.author for each in feed.entries)
    assert all(each.title and "<" not in each.title + each.summary + each.content for each in feed.entries)


@pytest.mark.recorded
def test_empty_element_beside_the_description_does_not_replace_it(recorded_data: Path) -> None:
    """feedparser gave no summary of any item of CoinDesk, because each has an empty dc:description too."""
    feed = read((recorded_data / "feeds" / "coindesk_rss_2026-09-25.xml").read_bytes())
    assert all(each.summary for each in feed.entries)


def test_caption_of_a_picture_is_not_the_summary() -> None:
    items = ITEM.replace("</item>", "<media:content url='https://x.com/a.png'><media:title>Photo</media:title>"
                         "<media:description>A coin</media:description></media:content></item>")  # fmt: skip
    feed = read(rss(items).replace("<rss ", '<rss xmlns:media="http://search.yahoo.com/mrss/" ').encode())
    assert (feed.entries[0].title, feed.entries[0].summary) == ("Bitcoin\u2019s fall & rise", "Café")


def test_atom_is_read_with_all_authors_and_the_article() -> None:
    (entry,) = read(ATOM.encode()).entries
    assert (entry.link, entry.title, entry.author) == (
        "https://x.com/a",
        "Bitcoin\u2019s fall",
        "A. One, B. Two",
    )
    assert (entry.content, entry.published, entry.updated) == (
        "One\nTwo",
        "2026-09-25T14:41:53Z",
        "2026-09-25T15:00:00Z",
    )


def test_time_of_change_is_not_made_up() -> None:
    assert read(rss().encode()).entries[0].updated is None


@pytest.mark.parametrize(
    "body",
    [
        rss().encode(),
        rss(encoding="ISO-8859-1").encode(),  # says one thing, is another
        rss(encoding="windows-1252").encode("windows-1252"),
        rss(encoding="UTF-8").encode("windows-1252"),  # says UTF-8 and is not
        b"\xef\xbb\xbf" + rss().encode(),
        b"\n\n  " + rss().encode(),
        rss(encoding="UTF-16").encode("utf-16"),
        rss(encoding="UTF-16").encode("utf-16-le"),
        rss(encoding="UTF-16").encode("utf-16-be"),
        gzip.compress(rss().encode()),
        rss().replace("Café", "<![CDATA[<p>Caf&eacute;</p>]]>").encode(),
        rss().replace("Café", "Caf&#233;").encode(),
        rss().replace("Café", "Caf&amp;eacute;").encode(),
        rss().replace("Café", "Café\x00\x08").encode(),
    ],
)  # fmt: skip
def test_every_encoding_gives_the_same_item(body: bytes) -> None:
    (entry,) = read(body, "text/xml; charset=utf-8").entries
    assert (entry.title, entry.summary) == ("Bitcoin\u2019s fall & rise", "Café")


def test_header_counts_where_the_text_declares_nothing() -> None:
    body = rss().partition("?>")[2].replace("Bitcoin\u2019s", "Цена").replace("é", "e").encode("windows-1251")
    assert read(body, "text/xml; charset=windows-1251").entries[0].title == "Цена fall & rise"


def test_character_that_was_cut_in_two_spoils_itself_alone() -> None:
    body = rss().encode().replace("é".encode(), b"\xc3")
    assert read(body).entries[0].title == "Bitcoin\u2019s fall & rise"


@pytest.mark.parametrize("spoil", [" & ", "<br>", "&nbsp;", "<unclosed>"])
def test_broken_xml_gives_the_items_that_can_be_read(spoil: str) -> None:
    feed = read(rss(ITEM + ITEM.replace("Café", spoil)).encode())
    assert feed.entries[0].title == "Bitcoin\u2019s fall & rise"


def test_feed_that_was_cut_off_gives_what_came_before() -> None:
    body = rss(ITEM + ITEM.replace("a-b-c-d", "e-f-g-h")).encode()
    feed = read(body[: body.rindex(b"<description>")])
    assert [entry.link for entry in feed.entries] == ["https://x.com/a-b-c-d"]
    assert feed.note is not None


def test_empty_and_valid_feeds_are_no_error() -> None:
    assert read(rss("").encode()).entries == ()
    assert read(b'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>').entries == ()
    assert read(b"[]").entries == ()
    assert read(b'{"version": "https://jsonfeed.org/version/1.1", "items": []}').entries == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>", "HTML page with the title 'Just a moment...'"),
        (b"<HTML><body>blocked", "HTML page"),
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"blocked", "feed of RSS or Atom"),
        (b"<error/>", "feed of RSS or Atom"),
        (b'{"error": "rate limit"}', "list of articles"),
        (b"[1, 2, 3]", "list of articles"),
        (b"{broken", "JSON"),
        (b"\x1f\x8b\x08garbage", "gzip"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_called_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        read(body)


def test_small_file_that_unpacks_to_a_large_one_is_refused() -> None:
    with pytest.raises(DecodeError, match="at most"):
        read(gzip.compress(bytes(40_000_000)))


def test_entities_are_not_expanded_without_end() -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = rss().replace("?>", f'?><!DOCTYPE rss [<!ENTITY l0 "lol">{bomb}]>', 1).replace("Café", "&l9;")
    assert len(read(text.encode()).entries[0].summary) < 1_000


@pytest.mark.parametrize(
    "item",
    [
        {"title": "T", "url": "https://x.com/a", "date_published": "2026-09-25T14:41:53Z", "authors": [{"name": "A"}], "tags": ["m"]},
        {"title": {"rendered": "T"}, "link": "https://x.com/a", "date_gmt": "2026-09-25T14:41:53Z", "author": "A", "categories": ["m"]},
        {"TITLE": "T", "URL": "https://x.com/a", "PUBLISHED_ON": 1790347313, "AUTHORS": "A", "KEYWORDS": "m"},
        {"source": {"id": None, "name": "X"}, "title": "T", "url": "https://x.com/a", "publishedAt": "2026-09-25T14:41:53Z", "author": "A", "category": "m"},
        {"title": "T", "guid": "https://x.com/a", "published_on": 1790347313, "author": {"name": "A"}, "categories": "m"},
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "wrap", [lambda item: [item], lambda item: {"Data": [item]}, lambda item: {"data": {"items": [item]}}]
)
def test_articles_in_json_are_read_by_whatever_names(item: dict, wrap: object) -> None:
    (entry,) = read(json.dumps(wrap(item)).encode()).entries  # type: ignore[operator]
    assert (entry.title, entry.link, entry.author, entry.categories) == ("T", "https://x.com/a", "A", ("m",))
    assert entry.published in {"2026-09-25T14:41:53Z", "1790347313"}


@pytest.mark.parametrize(
    ("declared", "written", "title"),
    [
        ("Shift_JIS", "cp932", "\u30d3\u30c3\u30c8\u30b3\u30a4\u30f3\u2460"),
        ("gb2312", "gb18030", "\u6bd4\u7279\u5e01 \u20ac"),
        ("euc-kr", "cp949", "\ube44\ud2b8\ucf54\uc778 \ub618"),
        ("ISO-8859-1", "cp1252", "Bitcoin\u2019s \u20ac"),
    ],
)
def test_encoding_that_is_declared_by_the_name_of_a_smaller_one_is_read(
    declared: str, written: str, title: str
) -> None:
    """A feed in Japanese that held one character of Windows became "\u0192r\u0192b\u0192g" in whole, and nothing said so."""
    feed = read(
        rss(
            ITEM.replace("Bitcoin\u2019s fall &amp; rise", title).replace("é", "e"), encoding=declared
        ).encode(written)
    )
    assert feed.entries[0].title == title


def test_item_in_which_a_feed_breaks_off_is_left_out() -> None:
    """Half of "25 Sep 2026 14:41:53" was read as midnight, and half a title was published."""
    whole = rss(ITEM + ITEM.replace("a-b-c-d", "second"))
    begin = whole.index("<item>", whole.index("</item>"))
    for cut in range(begin, whole.rindex("</item>")):
        feed = read(whole[:cut].encode())
        assert [each.link for each in feed.entries] == ["https://x.com/a-b-c-d"]


@pytest.mark.parametrize(
    "odd",
    [
        "<description>" + " " * 200_000 + "x</description>",
        "<media:title>" * 20_000,
        "<description>&lt; " + " " * 100_000 + "</description>",
        "<description>" + "&lt;p&gt;One. " * 20_000 + "</description>",
        "<description>" + "&lt;div&gt;" * 20_000 + "</description>",
    ],
    ids=["blanks", "open captions", "blanks after a bracket", "paragraphs", "divisions"],
)
def test_long_feed_takes_no_time_by_its_square(odd: str) -> None:
    """200 kB of blanks took 166 s, and 20,000 paragraphs minutes, in which the source stood still."""
    began = time.process_time()
    read(rss(ITEM.replace("</item>", f"{odd}</item>")).encode())
    assert time.process_time() - began < 20
