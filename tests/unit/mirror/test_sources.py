"""News, CoinGecko, failures of answers, and the log."""

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.mirror.running import RunningMirror

pytestmark = pytest.mark.recorded
COINDESK, CRYPTOSLATE = "https://www.coindesk.com/arc/outboundfeeds/rss/", "https://cryptoslate.com/feed/"
GECKO = "https://api.coingecko.com/api/v3"
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(mirror: RunningMirror) -> Iterator[Get]:
    with httpx.Client(timeout=60, trust_env=False) as client:

        def ask(address: str, headers: dict | None = None, **query: object) -> httpx.Response:
            return client.get(mirror.url(address), params=query, headers=headers)

        yield ask


def items(answer: httpx.Response) -> list[ET.Element]:
    return ET.fromstring(answer.content).findall("channel/item")  # noqa: S314


@pytest.mark.parametrize(("feed", "n_items"), [(COINDESK, 15), (COINDESK.rstrip("/"), 15), (CRYPTOSLATE, 5)])
def test_a_feed_has_every_recorded_item(mirror: RunningMirror, get: Get, feed: str, n_items: int) -> None:
    found = items(get(feed))
    assert len(found) == n_items
    assert len({each.findtext("guid") for each in found}) == n_items


def test_items_that_were_recorded_as_xml_are_passed_on_as_they_were(mirror: RunningMirror, get: Get) -> None:
    recorded = mirror.mirror.world.recordings.text("feeds/coindesk_rss_2026-09-25.xml")
    verbatim = recorded[recorded.index("<item>") : recorded.index("</item>") + 7]
    assert verbatim in get(COINDESK).text


def test_every_item_has_its_page(mirror: RunningMirror, get: Get) -> None:
    for feed in (COINDESK, CRYPTOSLATE):
        for item in items(get(feed)):
            page = get(item.findtext("link") or "")
            assert page.status_code == 200
            assert '"NewsArticle"' in page.text


def test_sitemap_leads_to_every_article(mirror: RunningMirror, get: Get) -> None:
    index = ET.fromstring(get("https://cryptoslate.com/sitemap_index.xml").content)  # noqa: S314
    places = [each.text for each in index.iter() if each.tag.endswith("loc")]
    urls = get(places[0] or "").text
    assert urls.count("<loc>") == 5


def test_unchanged_feed_is_answered_with_304(mirror: RunningMirror, get: Get) -> None:
    tag = get(CRYPTOSLATE).headers["etag"]
    assert get(CRYPTOSLATE, headers={"If-None-Match": tag}).status_code == 304
    assert mirror.log(host="cryptoslate.com")[-1]["headers"]["if-none-match"] == tag


def test_wordpress_feed_has_no_second_page(mirror: RunningMirror, get: Get) -> None:
    assert get(CRYPTOSLATE, paged=2).status_code == 404


def test_a_moving_wire_has_articles_of_today(mirror: RunningMirror, get: Get) -> None:
    mirror.mirror.control({"moving": True})
    found = items(get(COINDESK))
    published = parsedate_to_datetime(found[0].findtext("pubDate") or "").timestamp() * 1000
    assert len(found) == 25
    assert 0 <= mirror.mirror.clock() - published < 2 * 86_400_000


def test_articles_appear_and_are_corrected_when_a_test_says_so(mirror: RunningMirror, get: Get) -> None:
    mirror.mirror.control({"publish": 2})
    first, second, *others = (each.findtext("title") for each in items(get(COINDESK)))
    mirror.mirror.control({"correct": 1})
    titles = [each.findtext("title") for each in items(get(COINDESK))]
    assert titles == [f"{first} (corrected)", second, *others]
    assert len(others) == 15


def test_coingecko_is_as_recorded_until_it_moves(mirror: RunningMirror, get: Get) -> None:
    query = {"ids": "bitcoin", "vs_currencies": "usd"}
    assert get(f"{GECKO}/simple/price", **query).json() == {"bitcoin": {"usd": 21109}}
    mirror.mirror.control({"moving": True})
    assert get(f"{GECKO}/simple/price", **query).json()["bitcoin"]["usd"] > 50_000


@pytest.mark.parametrize("path", ["coins/markets", "coins/bitcoin", "coins/bitcoin/market_chart", "global"])
def test_coingecko_has_each_recorded_payload(mirror: RunningMirror, get: Get, path: str) -> None:
    assert get(f"{GECKO}/{path}", vs_currency="usd").status_code == 200


def test_a_busy_source_says_when_to_come_again_and_only_as_often_as_asked(
    mirror: RunningMirror, get: Get
) -> None:
    mirror.fail("status", host="*coindesk.com", status=429, retry_after_s=7, count=2, skip=1)
    answers = [get(COINDESK) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "7"


def test_a_body_is_cut(mirror: RunningMirror, get: Get) -> None:
    mirror.fail("cut", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        get(CRYPTOSLATE)
    assert get(CRYPTOSLATE).status_code == 200


@pytest.mark.parametrize("kind", ["html", "encoding", "guids", "empty"])
def test_an_answer_is_spoiled(mirror: RunningMirror, get: Get, kind: str) -> None:
    before = get(CRYPTOSLATE)
    mirror.fail(kind)
    answer = get(CRYPTOSLATE)
    assert answer.status_code == 200
    assert answer.content != before.content
    if kind in {"guids", "empty"}:
        assert ET.fromstring(answer.content).tag == "rss"  # noqa: S314
    if kind == "encoding":
        with pytest.raises(UnicodeDecodeError):
            answer.content.decode()


def test_an_empty_answer_keeps_its_form(mirror: RunningMirror, get: Get) -> None:
    mirror.fail("empty")
    assert items(get(CRYPTOSLATE)) == []
    assert get("https://api.binance.com/api/v3/klines", symbol="BTCUSDT", interval="1m").json() == []
    trades = get("https://api.kraken.com/0/public/Trades", pair="XBTUSD").json()
    assert trades["error"] == []
    assert trades["result"]["XXBTZUSD"] == []


def test_control_by_http_adds_and_clears(mirror: RunningMirror) -> None:
    control = f"{mirror.address}/_control"
    with httpx.Client(timeout=60, trust_env=False) as client:
        added = client.post(control, json={"faults": [{"kind": "slow", "host": "nowhere"}]}).json()
        assert [each["id"] for each in added["faults"]] == added["ids"]
        assert client.post(control, json={"clear": True}).json()["faults"] == []
        assert client.post(control, json={"faults": [{"kind": "unheard of"}]}).status_code == 400
        assert client.get(f"{mirror.address}/_log").json() == []


def test_what_no_source_has_is_not_found(mirror: RunningMirror, get: Get) -> None:
    assert get("https://nowhere.example/path").status_code == 404
