"""The OpenAPI document and the page: what stands outside the code."""

import base64
import hashlib
import re

import pytest

from api.app import create_app
from api.routes import pages
from api.settings import ApiSettings
from schemas.wire.settings import Endpoints, KafkaEndpoint

PATHS = {
    "/v1/predictions/{name}",
    "/v1/predictions/{name}/history",
    "/v1/assets",
    "/v1/targets",
    "/v1/stream",
    "/v1/features/{name}",
    "/v1/bars/{name}",
    "/v1/articles",
    "/v1/news-features/{asset}",
    "/v1/news-sources",
    "/v1/gaps",
    "/v1/sources",
    "/healthz",
    "/readyz",
    "/metrics",
}


@pytest.fixture(scope="module")
def document():
    endpoints = Endpoints(
        kafka=KafkaEndpoint(bootstrap_servers="127.0.0.1:1", is_embedded=True),
        redis_url="redis://127.0.0.1:1/0",
        database_url="postgresql://nobody@127.0.0.1:1/none",
    )
    return create_app(ApiSettings.from_environment({}), endpoints=endpoints).openapi()


def test_every_path_is_described(document):
    assert set(document["paths"]) == PATHS
    for path in document["paths"].values():
        assert path["get"]["summary"]
        assert path["get"]["description"]


def test_every_problem_is_described_as_a_problem_document(document):
    for path in document["paths"].values():
        for status, answer in path["get"]["responses"].items():
            if status in {"404", "422"} or (status == "503" and "/v1/" in str(answer)):
                assert set(answer["content"]) == {"application/problem+json"}, (path, status)
                assert "Problem" in str(answer["content"])


def test_a_prediction_answers_with_all_that_its_reader_needs(document):
    answer = document["components"]["schemas"]["LivePredictionPayload"]
    assert set(answer["required"]) >= {
        "direction",
        "probability_up",
        "confidence",
        "reference_price",
        "model_version",
        "model_hash",
        "feature_spec_hash",
        "features_as_of_ms",
        "known_time_ms",
        "resolves_at_ms",
        "data_age_s",
        "stream",
        "stream_kind",
        "source",
        "is_simulated",
        "served_from",
        "record",
    }


@pytest.fixture(scope="module")
def html():
    return pages._PAGE.read_text(encoding="utf-8")


def test_the_page_fetches_nothing_from_elsewhere(html):
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?!data:)", html)


def test_the_page_has_no_inline_handlers_or_styles_that_its_policy_forbids(html):
    assert not re.findall(r"<[a-z][^>]*\s(?:style|on[a-z]+)=", html)
    assert "innerHTML" not in html


def test_the_policy_names_the_very_script_and_style(html):
    policy = pages.content_policy(html)
    for kind in ("script", "style"):
        content = re.search(rf"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_page_marks_what_is_not_live(html):
    for word in ("SIMULATED MARKET", "REPLAY", "MIRROR", "Connection lost", "stands still"):
        assert word in html
