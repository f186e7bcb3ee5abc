"""Coins that articles mention."""

import pytest

from schemas.mentions import assets_by_line, assets_of


@pytest.mark.parametrize(
    ("text", "assets"),
    [
        ("Bitcoin is sold", ("BTC",)),
        ("bitcoin\u2019s price and BTC's rally", ("BTC",)),
        ("$BTC and #eth are up", ("BTC", "ETH")),
        ("BTC/USDT fell on Binance", ("BTC", "USDT")),
        ("Ether (ETH) is bought", ("ETH",)),
        ("Bitcoin Cash rises", ("BCH",)),
        ("Ethereum Classic forks", ("ETC",)),
        ("XRP rises by 7%", ("XRP",)),
        ("LINK token rallies", ("LINK",)),
        ("Whale sold 5,000 NEAR", ("NEAR",)),
        ("BTC, ETH and LINK lead", ("BTC", "ETH", "LINK")),
        ("Chainlink grows; LINK gains", ("LINK",)),
        ("Dogecoin jumps as DOGE trends", ("DOGE",)),
        ("Stellar network upgrade", ("XLM",)),
    ],
)
def test_coin_is_found_by_name_and_by_ticker(text: str, assets: tuple[str, ...]) -> None:
    assert assets_of([text]) == assets


@pytest.mark.parametrize(
    "text",
    [
        "The LINK between rates and stocks",
        "Near the top, traders wait",
        "NEAR MISS FOR ONE FUND: SAND AND DUST MOVE ON",
        "DOGE cuts costs at the agency",
        "Stellar results for the quarter",
        "One way to hedge",
        "together with the others",
        "ETHDenver opens",
        "ether.fi and bitcoin.com announce",
        "tether the boat",
        "in 2025 ONE thing changed",
        "S&P 500 and the SEC",
        "",
    ],
)
def test_common_word_is_no_coin(text: str) -> None:
    assert assets_of([text]) == ("MARKET",)


def test_assets_of_all_texts_come_once_in_alphabetical_order() -> None:
    assert assets_of(["Solana up", None, "bitcoin up, SOL too\nXRP down"]) == ("BTC", "SOL", "XRP")


def test_each_line_states_its_own_coins() -> None:
    lines = ["Chainlink is up.", "Nothing of note.", "Holders of LINK and BTC rejoice."]
    assert assets_by_line(lines) == [{"LINK"}, set(), {"BTC", "LINK"}]
