"""Texts of articles and the hash of their content."""

from producers.normalise.news.articles import summary_of
from producers.normalise.news.texts import (
    clean_line,
    clean_text,
    content_hash,
    title_part,
    without_frames,
    words_of,
)

TITLE = "Bitcoin falls below $95,000"
TEXT = "Bitcoin fell by 3.5% on Friday.\nTraders sold 1,200 coins."


def test_form_makes_no_other_content() -> None:
    same = "  BITCOIN fell by\u00a03.5% on\u200b Friday .\n\n\nTraders “sold” 1200 coins…"
    assert content_hash(TITLE, TEXT) == content_hash("Bitcoin  falls below $95000", same)


def test_advertisements_and_tracking_make_no_other_content() -> None:
    framed = (
        "5 minutes ago\nShare\nBitcoin fell by 3.5% on Friday.\nAdvertisement\nStory continues below\n"
        "Read more: XRP soars\nTraders sold 1,200 coins. https://t.co/x?utm_source=a\nSubscribe to our newsletter\n"
        "Bitcoin Market Data"
    )
    assert content_hash(TITLE, TEXT) == content_hash(TITLE, framed)


def test_corrected_figure_is_another_content() -> None:
    assert content_hash(TITLE, TEXT) != content_hash(TITLE, TEXT.replace("3.5", "35"))
    assert content_hash(TITLE, TEXT) != content_hash(TITLE, TEXT.replace("1,200", "12,000"))


def test_first_half_of_the_hash_is_of_the_title() -> None:
    assert title_part(content_hash(TITLE, TEXT)) == title_part(content_hash(TITLE, ""))
    assert title_part(content_hash(TITLE, TEXT)) != title_part(content_hash("Another", TEXT))


def test_word_of_a_paragraph_is_no_frame() -> None:
    text = (
        "Related party deals were disclosed in the filing of the company, which said that it had "
        + "sold " * 40
    )
    assert without_frames(text) == text.strip()


def test_ending_of_wordpress_is_cut() -> None:
    summary = "Traders sold. […]\nThe post Bitcoin falls appeared first on CryptoSlate."
    assert summary_of(summary) == "Traders sold."


def test_summary_is_cut_where_a_feed_puts_the_whole_article() -> None:
    assert len(summary_of("word " * 1_000)) <= 500


def test_text_has_a_paragraph_on_each_line_and_no_invisible_characters() -> None:
    assert clean_text("a\u200bb \x00 c\r\n\r\n  d\u2028e") == "ab c\nd\ne"
    assert clean_line("\ufeff a\nb ", 10) == "a b"
    assert clean_line("one two three", 9) == "one two…"


def test_words_keep_figures_apart() -> None:
    assert words_of("BTC\u2019s 1.5% rise to $1,000,000.50!") == [
        "btcs",
        "1.5",
        "%",
        "rise",
        "to",
        "$",
        "1000000.50",
    ]
