"""The setting that names companions: what it means, and how what is wrong with it is said."""

import pytest

from schemas.companions import (
    Companions,
    NewsCompanion,
    check_present,
    parse_companions,
    parse_credibility,
    text_of,
)
from schemas.errors import ConfigurationError
from schemas.features import FeatureSpec
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import (
    COIN,
    PERPETUAL,
    FeatureGroup,
    groups_among,
    spec_of,
)

VADER, BOTH = "news/vader@0123456789abcdef", "news/vader@0123456789abcdef/textblob@fedcba9876543210"
BTC, ETH, SOL, PERP = "BTC-USDT.BINANCE", "ETH-USDT.BINANCE", "SOL-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"


@pytest.mark.parametrize("text", [None, "", " ; "])
def test_nothing_named_is_no_companions(text: str | None) -> None:
    assert parse_companions(text) == {}


def test_several_instruments_have_their_own() -> None:
    found = parse_companions(f"{BTC}: {PERP}, {ETH}; {ETH}:{BTC}")
    assert found == {BTC: Companions(coin=ETH, perpetual=PERP), ETH: Companions(coin=BTC)}
    assert found[BTC].instruments == (ETH, PERP)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BTC, "must look like"),
        (f"{BTC}:{ETH};{BTC}:{PERP}", "each instrument once"),
        (f"{BTC}:ether", "must look like"),
        (f"{BTC}:", "must look like"),
        (f"{BTC}:{BTC}", "another coin, or its perpetual"),
        (f"{PERP}:{BTC}", "another coin, or its perpetual"),
        (f"{BTC}:{ETH},{SOL}", "one other coin"),
        (f"{BTC}:news", "each of its scorers once"),
        (f"{BTC}:news/vader", "vader@0123456789abcdef"),
        (f"{BTC}:{VADER}/{VADER.removeprefix('news/')}", "each of its scorers once"),
        (f"{BTC}:{VADER},{VADER}", "one companion news"),
    ],
)
def test_wrong_setting_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        parse_companions(text)
    assert "DRIFTLINE_COMPANIONS" in str(raised.value)


def test_run_without_a_companion_of_its_instrument_is_refused() -> None:
    companions = parse_companions(f"{BTC}:{ETH}")
    check_present(companions, (BTC, ETH))
    check_present(companions, (SOL,))
    with pytest.raises(ConfigurationError, match=r"ETH-USDT\.BINANCE, which the run does not hold"):
        check_present(companions, (BTC,))


def test_set_of_features_names_its_companions_and_the_allowance() -> None:
    def columns(spec: FeatureSpec) -> int:
        return len(spec.names) - len(SPEC.names)

    assert spec_of(None) is SPEC
    eth, sol = spec_of(Companions(coin=ETH)), spec_of(Companions(coin=SOL))
    assert columns(eth) == columns(sol) == len(COIN)
    assert columns(spec_of(Companions(coin=ETH, perpetual=PERP))) == len(COIN) + len(PERPETUAL)
    assert len({SPEC.hash, eth.hash, sol.hash}) == 3
    assert eth.join is not None
    assert eth.join.allowance_ms == 2_000


def test_news_is_a_companion_with_its_scorers_in_their_order() -> None:
    found = parse_companions(f"{BTC}:{ETH},{BOTH}")[BTC]
    assert found.instruments == (ETH,)
    assert found.news is not None
    assert [scorer.name for scorer in found.news.scorers] == ["vader", "textblob"]
    assert found.names == (ETH, BOTH)
    assert parse_companions(text_of({BTC: found})) == {BTC: found}
    check_present({BTC: found}, (BTC, ETH), has_news=True)
    with pytest.raises(ConfigurationError, match="DRIFTLINE_NEWS"):
        check_present({BTC: found}, (BTC, ETH))


def test_set_of_features_names_scorers_with_their_versions_and_the_credibility_of_sources() -> None:
    texts = [BOTH, VADER, VADER.replace("01", "10")]
    found = [parse_companions(f"{BTC}:{text}")[BTC] for text in texts]
    believed = parse_companions(f"{BTC}:{VADER}", credibility={"cryptoslate": 0.5})[BTC]
    unchanged = parse_companions(f"{BTC}:{VADER}", credibility={"cryptoslate": 1.0})[BTC]
    assert len({spec_of(each).hash for each in [*found, believed]}) == 4
    assert unchanged == found[1]
    assert spec_of(found[1]).names[: len(SPEC.names)] == SPEC.names
    assert groups_among(spec_of(found[0]).names) == (FeatureGroup.NEWS,)
    assert groups_among(spec_of(Companions(coin=ETH)).names) == (FeatureGroup.COIN,)


def test_hashes_of_sets_without_news_are_those_of_before_news() -> None:
    """Models that are stored name these hashes, and parity hashes of runs follow from them."""
    assert SPEC.hash.startswith("c6c81678e748f8e0")
    assert spec_of(Companions(coin=ETH)).hash.startswith("1bb849de49281a74")
    assert spec_of(Companions(coin=ETH, perpetual=PERP)).hash.startswith("5e768f76b9c18e8c")


@pytest.mark.parametrize(
    "text", ["coindesk", "coindesk:2", "coindesk:-1", "a:1,a:1", ":1", "a:nan", "a:1e-3"]
)
def test_wrong_credibility_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DRIFTLINE_NEWS_CREDIBILITY"):
        parse_credibility(text)


def test_credibility_is_stated_by_source() -> None:
    assert parse_credibility(None) == {}
    assert parse_credibility(" cryptoslate:0.8, coindesk:1.0,") == {"cryptoslate": 0.8, "coindesk": 1.0}
    news = parse_companions(f"{BTC}:{VADER}", credibility={"cryptoslate": 0.8, "coindesk": 1.0})[BTC].news
    assert news is not None
    assert news == NewsCompanion(news.scorers, (("cryptoslate", 0.8),))
