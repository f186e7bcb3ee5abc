"""An asset is answered from its first healthy instrument, over real stores; every answer names it."""

import uuid
from collections.abc import Iterable, Iterator

import httpx
import pytest
from msgspec.structs import replace

from deploy.local.asking import served_predictions
from schemas.codec import encode
from schemas.events import Event, FeaturesComputed, PredictionMade, SourceHealth
from schemas.instruments import parse_instrument
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import Views, features_key, prediction_key
from tests.contract.schemas.samples import SAMPLES
from tests.unit.api.events import AS_OF_MS, M15, QUARTER_MS, bar, description, features, prediction

BINANCE, COINBASE, KRAKEN = RANKED = ("BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN")
ETHER = "ETH-USDT.BINANCE"
M1 = Interval.ONE_MINUTE


def run_of(stream: str, *, kind: StreamKind = StreamKind.LIVE) -> StreamDescription:
    sources = (
        StreamSource(name="binance", instruments=(BINANCE, ETHER)),
        StreamSource(name="coinbase", instruments=(COINBASE,)),
        StreamSource(name="kraken", instruments=(KRAKEN,)),
    )
    made = description(stream=stream, kind=kind, instruments=(*RANKED, ETHER))
    return replace(made, sources=sources)


@pytest.fixture
def stream(pool) -> str:
    made = f"live-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(run_of(made))
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=AS_OF_MS)


@pytest.fixture
def client(serving, stream: str, clock: ManualClock) -> Iterator[httpx.Client]:
    with serving(stream, clock=clock) as opened:
        yield opened


def data_of(
    stream: str, instrument: str, as_of_ms: int = AS_OF_MS, *, is_predicted: bool = True
) -> list[Event]:
    """The bars, features and predictions of one close, by a model of this instrument."""
    source = parse_instrument(instrument).venue.lower()
    made: list[Event] = []
    for interval in (M1, M15):
        own = {"instrument": instrument, "source": source, "interval": interval}
        made += [
            replace(bar(as_of_ms, stream=stream), start_ms=as_of_ms - interval.milliseconds, **own),
            replace(features(as_of_ms, stream=stream), **own),
        ]
        if is_predicted:
            version = f"model of {instrument}"
            made.append(
                replace(prediction(as_of_ms, stream=stream, horizon=interval, version=version), **own)
            )
    return made


def show(views: Views, events: Iterable[Event]) -> None:
    shown = {}
    for one in events:
        match one:
            case FeaturesComputed():
                key = features_key(one.stream, one.instrument, one.interval)
            case PredictionMade():
                key = prediction_key(one.stream, one.instrument, one.interval, one.horizon)
            case _:
                continue
        shown[key] = (one.event_time_ms, encode(one))
    views.write(shown)


def store(views: Views, pool, events: list[Event]) -> None:
    show(views, events)
    EventWriter(pool).write(events)


def answered(client: httpx.Client, path: str) -> dict:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def chosen(body: dict) -> tuple[str, str | None]:
    return body["instrument"], body["fallback_from"]


PATHS = ("/v1/predictions/BTC", "/v1/predictions/BTC/history", "/v1/features/BTC", "/v1/bars/BTC")


def health(stream: str, source: str, state: SourceHealth, *, at_ms: int = AS_OF_MS) -> Event:
    sample = SAMPLES["source_health_changed"]
    return replace(
        sample, stream=stream, source=source, state=state, reason="It answers 451.", event_time_ms=at_ms,
        known_time_ms=at_ms, last_item_ms=None, last_answer_ms=None,
    )  # fmt: skip


def quarantined(stream: str, instrument: str) -> Event:
    source = parse_instrument(instrument).venue.lower()
    sample = SAMPLES["price_observed_in_quarantine"]
    return replace(sample, stream=stream, source=source, instrument=instrument, event_time_ms=AS_OF_MS)


def test_an_asset_is_answered_from_its_first_instrument_while_that_is_healthy(client, views, pool, stream):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    for path in PATHS:
        body = answered(client, path)
        assert (*chosen(body), body["fallback_reason"]) == (BINANCE, None, None), path


def test_a_venue_that_fell_silent_is_replaced_by_the_next_one_with_its_own_model(
    client, views, pool, stream, clock
):
    """Binance has no minute bar for two minutes, Coinbase goes on; later Binance is back."""
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    clock.sleep(121)
    store(views, pool, data_of(stream, COINBASE, AS_OF_MS + 120_000))
    for path in PATHS:
        body = answered(client, path)
        assert chosen(body) == (COINBASE, BINANCE), path
        assert body["fallback_reason"] == (
            f"{BINANCE}: its newest bar of 1m ended at 2025-06-15 15:15:00, and the next one is overdue"
        )
    made = answered(client, "/v1/predictions/BTC")
    assert (made["model_version"], made["source"]) == (f"model of {COINBASE}", "coinbase")
    store(views, pool, data_of(stream, BINANCE, AS_OF_MS + 120_000))
    clock.sleep(1)
    assert chosen(answered(client, "/v1/predictions/BTC")) == (BINANCE, None)


def test_a_refused_source_and_a_price_in_quarantine_are_passed_over(client, views, pool, stream):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED), quarantined(stream, COINBASE)])
    body = answered(client, "/v1/predictions/btc")
    assert chosen(body) == (KRAKEN, BINANCE)
    first, second = body["fallback_reason"].split("; ")
    assert first == f"{BINANCE}: its source binance is refused: It answers 451"
    assert second.startswith(f"{COINBASE}: its newest price is in quarantine: It is 10.2 % below")


def test_an_instrument_that_is_named_answers_whatever_its_health(client, views, pool, stream):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED)])
    for path in PATHS:
        body = answered(client, path.replace("BTC", BINANCE))
        assert (*chosen(body), body["fallback_reason"]) == (BINANCE, None, None)


def test_an_instrument_without_a_model_is_passed_over_for_predictions_alone(client, views, pool, stream):
    store(views, pool, [*data_of(stream, BINANCE, is_predicted=False), *data_of(stream, COINBASE)])
    made = answered(client, "/v1/predictions/BTC")
    assert chosen(made) == (COINBASE, BINANCE)
    assert made["fallback_reason"] == f"{BINANCE}: it has no prediction of 15m:15m yet"
    assert chosen(answered(client, "/v1/bars/BTC")) == (BINANCE, None)


def test_if_none_is_healthy_the_newest_data_answer_and_say_so(client, views, pool, stream, clock):
    store(views, pool, data_of(stream, BINANCE))
    store(views, pool, data_of(stream, KRAKEN, AS_OF_MS + QUARTER_MS))
    clock.sleep(3600)
    made = answered(client, "/v1/predictions/BTC")
    assert chosen(made) == (KRAKEN, BINANCE)
    assert made["data_age_s"] == 3600 - QUARTER_MS / 1000
    (bitcoin, _) = answered(client, "/v1/assets")["assets"]
    assert not any(one["is_healthy"] for one in bitcoin["instruments"])


def test_health_is_read_once_a_second_and_not_for_each_request(client, views, pool, stream, clock):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    assert chosen(answered(client, "/v1/predictions/BTC")) == (BINANCE, None)
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED)])
    clock.sleep(0.9)
    assert chosen(answered(client, "/v1/predictions/BTC")) == (BINANCE, None)
    clock.sleep(0.2)
    assert chosen(answered(client, "/v1/predictions/BTC")) == (COINBASE, BINANCE)


def test_the_pages_of_a_history_stay_with_one_instrument(client, views, pool, stream, clock):
    before = [
        replace(one, event_time_ms=AS_OF_MS - n * QUARTER_MS, known_time_ms=AS_OF_MS)
        for name in (BINANCE, COINBASE)
        for n in range(1, 4)
        for one in data_of(stream, name)
        if isinstance(one, PredictionMade)
    ]
    store(views, pool, [*before, *data_of(stream, BINANCE), *data_of(stream, COINBASE)])
    page = answered(client, "/v1/predictions/BTC/history?limit=2")
    assert chosen(page) == (BINANCE, None)
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED)])
    clock.sleep(2)
    rest = answered(client, page["next"])
    assert [one["instrument"] for one in (*page["items"], *rest["items"])] == [BINANCE] * 4
    assert chosen(answered(client, "/v1/predictions/BTC/history?limit=2")) == (COINBASE, BINANCE)


def test_the_entity_tag_changes_with_the_instrument_and_the_reason(client, views, pool, stream, clock):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    tags = []
    for state in (None, SourceHealth.REFUSED, SourceHealth.FAILING):
        if state is not None:
            clock.sleep(2)
            EventWriter(pool).write([health(stream, "binance", state, at_ms=clock.now_ms())])
        answer = client.get("/v1/predictions/BTC")
        tags.append(answer.headers["etag"])
        held = {"If-None-Match": tags[-1]}
        assert client.get("/v1/predictions/BTC", headers=held).status_code == 304
    assert len(set(tags)) == 3


@pytest.mark.parametrize(
    ("stated", "first"),
    [
        ({}, BINANCE),
        ({"DRIFTLINE_LIVE_INSTRUMENTS": f"{KRAKEN},{BINANCE},BTC-USD.BITSTAMP"}, KRAKEN),
        ({"DRIFTLINE_REFERENCE_INSTRUMENT": COINBASE, "DRIFTLINE_LIVE_INSTRUMENTS": KRAKEN}, COINBASE),
    ],
)
def test_settings_prefer_instruments(serving, views, pool, stream, clock, stated, first):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name)])
    with serving(stream, clock=clock, stated=stated) as client:
        assert chosen(answered(client, "/v1/predictions/BTC")) == (first, None)


def test_the_assets_are_listed_with_ranks_healths_and_what_answers(client, views, pool, stream):
    store(views, pool, [*data_of(stream, COINBASE), *data_of(stream, ETHER)])
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED)])
    body = answered(client, "/v1/assets")
    assert (body["stream"], body["stream_kind"], body["now_ms"]) == (stream, "live", AS_OF_MS)
    bitcoin, ether = body["assets"]
    assert (bitcoin["asset"], ether["asset"]) == ("BTC", "ETH")
    ranked = bitcoin["instruments"]
    assert [(one["rank"], one["instrument"], one["source"], one["is_healthy"]) for one in ranked] == [
        (1, BINANCE, "binance", False),
        (2, COINBASE, "coinbase", True),
        (3, KRAKEN, "kraken", False),
    ]
    assert [one["reason"] for one in ranked] == [
        "its source binance is refused: It answers 451",
        None,
        "it has no bar yet",
    ]
    assert (ranked[1]["newest_bar_ms"], ranked[1]["newest_bar_age_s"]) == (AS_OF_MS, 0.0)
    default = bitcoin["answers"][0]
    assert (default["interval"], default["is_default"], *chosen(default)) == ("15m", True, COINBASE, BINANCE)
    assert chosen(ether["answers"][0]) == (ETHER, None)
    assert not ether["instruments"][0]["is_healthy"]


def test_without_redis_the_rule_is_the_same(serving, pool, endpoints, stream, clock):
    EventWriter(pool).write([*data_of(stream, BINANCE, AS_OF_MS - QUARTER_MS), *data_of(stream, COINBASE)])
    away = replace(endpoints, redis_url="redis://127.0.0.1:1/0")
    with serving(stream, clock=clock, where=away) as client:
        body = answered(client, "/v1/predictions/BTC")
    assert (*chosen(body), body["served_from"]) == (COINBASE, BINANCE, "postgres")


def test_the_instruments_of_a_replay_do_not_become_old(serving, views, pool, clock):
    """A replay plays several files at a speed, so how far one is behind another says nothing of a venue."""
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(run_of(stream, kind=StreamKind.REPLAY))
    store(views, pool, data_of(stream, BINANCE, AS_OF_MS - 100 * QUARTER_MS))
    store(views, pool, data_of(stream, COINBASE))
    with serving(stream, clock=clock) as client:
        assert chosen(answered(client, "/v1/predictions/BTC")) == (BINANCE, None)


def test_a_target_that_nothing_predicts_yet_is_answered_for_a_venue_that_can_have_a_model(
    client, views, pool, stream
):
    store(views, pool, [each for name in RANKED for each in data_of(stream, name, is_predicted=False)])
    EventWriter(pool).write([health(stream, "binance", SourceHealth.REFUSED)])
    answer = client.get("/v1/predictions/BTC")
    assert answer.status_code == 503
    assert f"there is no prediction yet of {COINBASE}" in answer.json()["detail"]


def test_the_launcher_sees_the_predictions_of_a_run_whose_first_venue_is_refused(client, views, pool, stream):
    """It asked for the first instrument by name, or for all of them in one path, and waited for ever."""
    store(views, pool, data_of(stream, COINBASE))
    named = {"DRIFTLINE_REFERENCE_INSTRUMENT": f"{BINANCE},{ETHER}", "DRIFTLINE_STREAM": stream}
    served = served_predictions(str(client.base_url).rstrip("/"), named)
    assert [one.target for one in served] == ["15m:15m", "1m:1m"]


def test_an_asset_before_any_data_says_what_its_first_instrument_lacks(client):
    answer = client.get("/v1/predictions/BTC")
    assert answer.status_code == 503
    assert BINANCE in answer.json()["detail"]
    assert chosen(answered(client, "/v1/bars/BTC")) == (BINANCE, None)
