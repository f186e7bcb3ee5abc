"""Which articles are copies, of which, and for how long that is known."""

import pytest

from schemas.errors import SnapshotMismatchError
from schemas.events import ArticleLinked, ArticlePublished
from schemas.topics import NEWS_ARTICLE
from stream_processors.operators.articles import ArticlesOperator
from stream_processors.operators.copies.judging import runs_in
from stream_processors.operators.copies.shingles import shingles_of, words_of
from tests.fixtures.articles import article, sentence
from tests.fixtures.keeping import kept, restored_from
from tests.fixtures.market_events import HOUR, T0

LEDE = sentence(77, 40)
ADVERTISEMENT = sentence(99, 30)


def links(*articles: ArticlePublished, operator: ArticlesOperator | None = None) -> list[ArticleLinked]:
    held = ArticlesOperator() if operator is None else operator
    return [output.event for each in articles for output in held.step(NEWS_ARTICLE, each)]  # type: ignore[misc]


def linked(*articles: ArticlePublished) -> dict[int, int]:
    """The number of each copy with the number of the first one."""
    return {int(link.article_id, 16): int(link.first_article_id, 16) for link in links(*articles)}


def test_article_that_stands_alone_is_no_copy() -> None:
    assert links(article(1), article(2), article(3, at_ms=HOUR)) == []


def test_equal_content_is_an_exact_copy() -> None:
    (link,) = links(
        article(1, summary=LEDE, title="T"),
        article(2, at_ms=HOUR, summary=LEDE, title="T", source="cryptoslate"),
    )
    assert (link.is_exact, link.similarity, link.event_time_ms, link.source) == (
        True,
        1.0,
        T0 + HOUR,
        "cryptoslate",
    )


def test_text_with_a_place_and_the_title_in_front_is_a_copy_of_another_source() -> None:
    title = sentence(5, 9)
    copy = article(
        2, title=f"{title} !", summary=f"BitcoinWorld {title} Toronto, July 29th: {LEDE}", source="other"
    )
    (link,) = links(article(1, title=title, summary=LEDE), copy)
    assert not link.is_exact
    assert 0.5 < link.similarity < 1


def test_half_of_the_text_in_other_words_is_no_copy() -> None:
    words = LEDE.split()
    scattered = " ".join(f"{word} x{i}" if i % 2 else word for i, word in enumerate(words))
    assert links(article(1, summary=LEDE), article(2, summary=scattered, source="other")) == []


def test_equal_title_is_a_copy_whatever_the_texts_are() -> None:
    title = sentence(5, 9)
    assert linked(article(1, title=title), article(2, title=title.upper(), source="other")) == {2: 1}


@pytest.mark.parametrize("summary", ["", LEDE])
def test_title_of_a_series_is_no_copy(summary: str) -> None:
    """Texts of one source with one greeting, about another day."""
    first = article(1, title="Bitcoin price prediction for July 22", summary=summary)
    assert links(first, article(2, title="Bitcoin price prediction for July 24", summary=summary)) == []


def test_two_words_of_a_title_are_not_enough() -> None:
    assert (
        links(article(1, title="Market wrap", summary=""), article(2, title="Market wrap", summary="")) == []
    )


def test_advertisement_of_a_site_makes_no_copies() -> None:
    """Half of the recorded articles of one site begin with the same invitation, and were copies of each other."""
    texts = [f"{ADVERTISEMENT} {sentence(200 + n, 6)}" for n in range(30)]
    found = links(
        *(
            article(n, title=sentence(500 + n, 4) + " bitcoin falls again today", summary=text)
            for n, text in enumerate(texts)
        )
    )
    assert len(found) <= 2  # until the site has used it three times


def test_copy_in_a_site_that_puts_an_advertisement_in_front_is_found() -> None:
    ads = [article(n, summary=f"{ADVERTISEMENT} {sentence(200 + n)}", source="other") for n in range(5)]
    assert (
        linked(
            *ads, article(10, summary=LEDE), article(11, summary=f"{ADVERTISEMENT} {LEDE}", source="other")
        )[11]
        == 10
    )


def test_copy_of_a_copy_is_linked_to_the_first() -> None:
    chain = [
        article(n, at_ms=n * HOUR, summary=LEDE, title=sentence(300 + n, 8), source=f"s{n}")
        for n in (1, 2, 3)
    ]
    assert linked(*chain) == {2: 1, 3: 1}


def test_first_is_who_was_seen_first_and_not_who_published_first() -> None:
    assert linked(
        article(1, at_ms=5 * HOUR, summary=LEDE), article(2, at_ms=HOUR, summary=LEDE, source="other")
    ) == {2: 1}


def test_articles_of_more_than_three_days_apart_are_not_compared() -> None:
    #  1            2  3        72 h after 1: 2; later: 3
    apart = [
        article(n, at_ms=at * HOUR, summary=LEDE, source=f"s{n}") for n, at in ((1, 0), (2, 72), (3, 73))
    ]
    assert linked(*apart) == {2: 1, 3: 2}


def test_records_of_one_article_for_several_assets_are_one_article() -> None:
    both = [article(2, summary=LEDE, asset=asset, source="other") for asset in ("BTC", "ETH")]
    assert len(links(article(1, summary=LEDE), *both)) == 1


def test_new_version_is_compared_anew_and_never_with_itself() -> None:
    first, other = article(1), article(2, at_ms=HOUR, summary=LEDE, source="other")
    found = links(
        first,
        other,
        article(2, at_ms=HOUR, summary=first.summary, version=1, source="other"),
        article(1, summary=LEDE, version=1),
    )
    assert [(int(link.article_id, 16), link.version) for link in found] == [(2, 1)]


def test_backfill_brings_older_articles_which_are_compared_too() -> None:
    now, then = (
        article(1, at_ms=2_000 * HOUR),
        [article(n, at_ms=n * HOUR, summary=LEDE, source=f"s{n}") for n in (20, 10)],
    )
    assert linked(now, *then) == {10: 20}


def test_state_holds_the_window_and_no_more() -> None:
    operator = ArticlesOperator(most_older=10)
    entries: dict[bytes, bytes] = {}
    for n in range(300):
        links(
            article(n, at_ms=n * HOUR), article(1_000 + n, at_ms=n * HOUR - 2_000 * HOUR), operator=operator
        )
        for key, value in operator.changes():
            entries.pop(key, None) if value is None else entries.update({key: value})
    assert len(entries) == 73 + 10 + 1


def test_restart_forgets_nothing() -> None:
    operator = ArticlesOperator()
    links(article(1, summary=LEDE), operator=operator)
    restored = restored_from(ArticlesOperator(), kept(operator))
    assert [
        link.first_article_id for link in links(article(2, summary=LEDE, source="o"), operator=restored)
    ] == [f"{1:024x}"]


@pytest.mark.parametrize(
    "entries", [{b"x": b"y"}, {b"\x93\xa7article\xa1s\xa1a": b"\x01"}, {b"\x91\xa5other": b""}]
)
def test_state_of_another_release_is_refused(entries: dict[bytes, bytes]) -> None:
    with pytest.raises(SnapshotMismatchError):
        ArticlesOperator().restore(entries)


def test_words_and_runs() -> None:
    assert words_of("BTC\u2019s caf\u00e9 1,000.5% 比特币") == ["btcs", "cafe", "1000.5", "比", "特", "币"]
    shingles = shingles_of(article(1, title="a b c d", summary="one two three four five six"))
    assert len(shingles.of_title) == 2
    assert runs_in(shingles.of_text, frozenset(shingles.of_text[:2])) == [4]
    assert runs_in(shingles.of_text, frozenset((shingles.of_text[0], shingles.of_text[3]))) == [6]
