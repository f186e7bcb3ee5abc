"""Canonical addresses of articles."""

import hashlib

import pytest

from producers.normalise.news.addresses import (
    article_id_of,
    canonical_address,
    comparable,
    is_of_site,
    site_of,
)
from producers.normalise.news.rules import ItemRefusedError

PLAIN = "https://www.coindesk.com/markets/2026/09/25/bitcoin-falls"


@pytest.mark.parametrize(
    "address",
    [
        f"{PLAIN}?utm_source=rss&utm_medium=feed&utm_campaign=x",
        f"{PLAIN}?fbclid=abc&gclid=1#comments",
        f"  {PLAIN}\n",
        "http://WWW.CoinDesk.com/markets/2026/09/25/bitcoin-falls",
        "https://www.coindesk.com:443/markets/2026/09/25/bitcoin-falls",
        "https://amp.coindesk.com/markets/2026/09/25/bitcoin-falls",
        f"{PLAIN}/amp",
        "/markets/2026/09/25/bitcoin-falls",
        "//www.coindesk.com/markets/2026/09/25/bitcoin-falls",
    ],
)
def test_every_form_of_an_address_is_one_address(address: str) -> None:
    assert canonical_address(address, base="https://www.coindesk.com/arc/outboundfeeds/rss") == PLAIN


def test_parameters_that_choose_the_article_stay() -> None:
    assert (
        canonical_address("https://x.com/read?id=12&utm_source=a&page=2") == "https://x.com/read?id=12&page=2"
    )


def test_slash_at_the_end_stays_and_does_not_distinguish() -> None:
    with_slash = canonical_address("https://cryptoslate.com/a-b-c/")
    assert with_slash == "https://cryptoslate.com/a-b-c/"
    assert comparable(with_slash) == comparable("http://www.cryptoslate.com/a-b-c")


@pytest.mark.parametrize(
    "address",
    ["", "mailto:a@b.com", "javascript:alert(1)", "https://", "https://[::1", "https://user:pw@host.com/a", "ftp://a.b/c",
     "https://a.com/" + "x" * 2_000, "https://a.com:99999/"],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(address: str) -> None:
    with pytest.raises(ItemRefusedError):
        canonical_address(address)


def test_letters_beyond_ascii_are_written_as_the_network_has_them() -> None:
    assert canonical_address("https://münchen.de/börse") == "https://xn--mnchen-3ya.de/b%C3%B6rse"


def test_id_is_the_hash_of_the_address() -> None:
    assert article_id_of(PLAIN) == hashlib.sha256(PLAIN.encode()).hexdigest()[:24]


def test_site_covers_its_subdomains_and_no_other_site() -> None:
    assert site_of("https://www.coindesk.com/a") == "coindesk.com"
    assert is_of_site("https://markets.coindesk.com/a", "coindesk.com")
    assert not is_of_site("https://evilcoindesk.com/a", "coindesk.com")
