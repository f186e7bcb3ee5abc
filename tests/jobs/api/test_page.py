"""The page in a real browser: what a person sees of a real server."""

import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import msgspec
import pytest

from schemas.codec import encode
from schemas.events import PredictionSet, SourceHealth
from schemas.streams import StreamKind
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import clock_key, prediction_key
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.alarms import confirm, held_back_version
from tests.jobs.api.test_assets_served import (
    BINANCE,
    COINBASE,
    KRAKEN,
    data_of,
    health,
    quarantined,
    run_of,
    store,
)
from tests.jobs.api.test_collected_served import gap
from tests.unit.api.events import (
    AS_OF_MS,
    INSTRUMENT,
    QUARTER_MS,
    bar,
    description,
    outcome,
    prediction,
    promotion,
)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
)


@pytest.fixture(scope="session")
def browser() -> str:
    """The browser of this machine; a test that asks for it is skipped where there is none."""
    found = next((path for path in map(shutil.which, _NAMES) if path is not None), None)
    if found is None:
        missing = f"no browser: install one of {', '.join(_NAMES)}"
        if "DRIFTLINE_REQUIRE_BROWSER" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def seen(browser: str, url: str, profile: Path) -> str:
    """The document as it stands after five seconds of the page's own time."""
    command = [browser, *_QUIET, f"--user-data-dir={profile}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def text_of(document: str, element: str) -> str:
    match = re.search(rf'id="{element}"[^>]*>(.*?)</', document, re.DOTALL)
    assert match is not None
    return re.sub(r"<[^>]+>", "", match[1]).strip()


def shown(views, made) -> None:
    key = prediction_key(made.stream, made.instrument, made.interval, made.horizon)
    views.write(
        {
            key: (made.event_time_ms, encode(made)),
            clock_key(made.stream): (AS_OF_MS, str(AS_OF_MS).encode()),
        }
    )


def test_a_person_sees_the_prediction_and_where_it_comes_from(browser, serving, views, pool, tmp_path):
    stream = f"simulation-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(
        description(stream=stream, kind=StreamKind.SIMULATION, source="simulated")
    )
    made = msgspec.structs.replace(prediction(stream=stream), source="simulated")
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert "simulated" in text_of(document, "banner-word").lower()
    assert text_of(document, "word").lower() == str(made.direction), text_of(document, "waiting-text")
    assert text_of(document, "probability").startswith(f"{made.probability_up:.1%}".rstrip("%"))
    assert made.model_version in text_of(document, "model")


def test_a_person_never_takes_a_mirror_for_the_live_market(browser, serving, views, pool, tmp_path):
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=stream, kind=StreamKind.MIRROR))
    made = prediction(stream=stream)
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream, clock=ManualClock(now_ms=AS_OF_MS + 7_000)) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert text_of(document, "banner-word") == "MIRROR"
    assert "not the live market" in text_of(document, "banner-text")
    assert 'id="banner" class="banner mirror"' in document
    assert re.search(r"<title>[^<]*\(mirror\)", document) is not None
    assert text_of(document, "pill") != "live"


def test_a_person_sees_that_the_data_have_ended_and_what_is_never_judged(
    browser, serving, views, pool, tmp_path
):
    """The page showed the speed of the first start, and a time for the judgement that lay after the end of the data."""
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(
        description(stream=stream, warm_up_until_ms=AS_OF_MS - QUARTER_MS, end_ms=AS_OF_MS, speed=3600.0)
    )
    made = prediction(stream=stream)
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream, speed="20") as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert text_of(document, "pill") == "replay finished"
    assert "20. Nothing here is happening now" in text_of(document, "banner-text")
    assert text_of(document, "resolves").startswith("never")


@pytest.mark.parametrize(("is_pick", "word"), [(True, "Up"), (False, "Abstains")])
def test_a_person_sees_what_a_probability_is_worth(browser, serving, views, pool, tmp_path, is_pick, word):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=stream))
    made = msgspec.structs.replace(
        prediction(stream=stream),
        is_pick=False,
        prediction_set=PredictionSet.BOTH,
        miscoverage=0.1,
        evidence_target=0.1,
        evidence_coverage=0.098,
        evidence_n=6005,
        evidence_accuracy=0.512,
        evidence_low=0.489,
        evidence_high=0.535,
        late_accuracy=0.503,
        late_low=0.48,
        late_high=0.526,
    )
    shown(views, made)
    EventWriter(pool).write(
        [made, outcome(made, final_price=101.0), promotion(AS_OF_MS - QUARTER_MS, stream=stream)]
    )

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert text_of(document, "word") == "Abstains"
    assert text_of(document, "evidence-accuracy") == "51.2 %"
    assert (
        text_of(document, "evidence-interval")
        == "right [48.9, 53.5] of 6,005 decisions, 9.8 % of all (10 % aimed at)"
    )
    assert "one bar (15m) late 50.3 % [48.0, 52.6]" in text_of(document, "evidence-late")
    assert "No edge is shown" in text_of(document, "evidence-edge")
    # One judged prediction used to be a headline of "100 %".
    assert text_of(document, "accuracy") == "1 of 1"


def test_nobody_reads_a_set_of_one_direction_as_ninety_percent_sure(browser, serving, views, pool, tmp_path):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=stream))
    made = msgspec.structs.replace(
        prediction(stream=stream, probability_up=0.4375), prediction_set=PredictionSet.DOWN, miscoverage=0.1
    )
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert (
        text_of(document, "set-title")
        == "Conformal set (all such sets together are built to hold 9 outcomes of 10)"
    )
    told = re.search(r'id="set"[^>]*>(.*?)</dd>', document, re.DOTALL)
    assert told is not None
    assert told[1].startswith("down only")
    assert "not 90 % for down: the model gives it 56.3 %" in told[1]


def test_a_person_sees_which_targets_have_no_model_and_how_old_the_price_is(
    browser, serving, views, pool, tmp_path
):
    stream, minute = f"replay-{uuid.uuid4().hex[:12]}", Interval.ONE_MINUTE
    one_instrument = msgspec.structs.replace(
        description(stream=stream), instruments=(INSTRUMENT,), sources=()
    )
    StoredStreams(pool).register_stream(one_instrument)
    made = prediction(AS_OF_MS - 120_000, stream=stream, interval=minute, horizon=minute)
    shown(views, made)
    before = prediction(AS_OF_MS - 180_000, stream=stream, interval=minute, horizon=minute)
    EventWriter(pool).write([made, before, promotion(0, stream=stream, interval=minute, horizon=minute)])

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert text_of(document, "modelless").startswith("No model yet for 15m → 15m (the default), 1h → 1h:")
    assert text_of(document, "modelless").endswith("There is a model for 1m → 1m.")
    assert document.count(", no model yet</button>") == 2
    assert "at 15:13:00 UTC, 2 min 0 s ago by the stream's clock" in text_of(document, "chart-legend")
    assert text_of(document, "accuracy") == "Nothing judged yet"
    assert "horizon (1m) has passed, the newest at 15:14:00" in text_of(document, "verdict")


def test_a_person_sees_bars_and_how_many_are_missing_before_there_is_a_model(
    browser, serving, pool, tmp_path
):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    capture = msgspec.structs.replace(
        description(stream=stream), instruments=(INSTRUMENT,), sources=(), parameters={"history": None}
    )
    StoredStreams(pool).register_stream(capture)
    EventWriter(pool).write([minute_bar(stream, number) for number in (1, 2)])

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert "2 are there, 63 are missing; HISTORY=FILE" in text_of(document, "waiting-text")
    assert "00:01:00 100.00, 00:02:00 100.00" in text_of(document, "waiting-bars")


def minute_bar(stream, number):
    """The bar of a minute of the first day."""
    return msgspec.structs.replace(
        bar(number * 60_000, stream=stream), interval=Interval.ONE_MINUTE, start_ms=(number - 1) * 60_000
    )


def test_a_person_is_told_why_no_champion_serves(browser, serving, pool, tmp_path):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(
        msgspec.structs.replace(description(stream=stream), instruments=(INSTRUMENT,), sources=())
    )
    version = held_back_version(tmp_path, stream=stream).version

    with serving(stream, data_dir=tmp_path) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path / "profile")

    assert text_of(document, "waiting-title") == "No champion serves"
    told = text_of(document, "waiting-text")
    assert "its leak alarm rings" in told
    assert f"driftline models promote {version}" in told


def test_a_person_sees_the_leak_alarm_of_a_model_that_serves_and_who_confirmed_it(
    browser, serving, views, pool, tmp_path
):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=stream))
    manifest = held_back_version(tmp_path, stream=stream)
    confirm(tmp_path, manifest)
    made = msgspec.structs.replace(prediction(stream=stream), model_version=manifest.version)
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream, data_dir=tmp_path) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path / "profile")

    assert "confirmed for champion by Ada (looked at both files)" in text_of(document, "leak")


def test_a_person_is_told_that_there_is_no_prediction_yet(browser, serving, pool, tmp_path):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=stream))

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert re.search(r'<main id="main" hidden', document)
    assert text_of(document, "waiting-title")


def test_a_person_sees_which_instrument_answers_and_how_the_sources_are(
    browser, serving, views, pool, tmp_path
):
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(run_of(stream, kind=StreamKind.MIRROR))
    store(views, pool, [*data_of(stream, BINANCE), *data_of(stream, COINBASE)])
    promoted = [
        msgspec.structs.replace(promotion(0, stream=stream), instrument=name) for name in (BINANCE, COINBASE)
    ]
    article = msgspec.structs.replace(
        SAMPLES["article_published"], stream=stream, title="<b>News</b>", url="javascript:alert(1)"
    )
    EventWriter(pool).write(
        [*promoted, article, health(stream, "binance", SourceHealth.REFUSED), quarantined(stream, KRAKEN)]
    )
    StoredGaps(pool).open(gap(stream))

    with serving(stream, clock=ManualClock(now_ms=AS_OF_MS)) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert text_of(document, "instrument") == COINBASE
    assert text_of(document, "fallback") == (
        f"{COINBASE} answers for BTC, with its own model. {BINANCE}: its source binance is refused: It answers 451."
    )
    assert re.search(rf"2\. {COINBASE} .*healthy.*answers for BTC", document) is not None
    assert re.search(r'binance</td><td[^>]*><span class="tag refused">', document) is not None
    assert f'trades of {INSTRUMENT} <span class="tag open gap">' in document
    assert f"{KRAKEN} " in document
    assert "It is 10.2 % below" in document
    assert "&lt;b&gt;News&lt;/b&gt;" in document
    assert "javascript:" not in document
    assert document.count('<button type="button"') == 3


def test_a_run_without_outside_sources_shows_no_panel_of_them(browser, serving, views, pool, tmp_path):
    stream = f"simulation-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(
        description(stream=stream, kind=StreamKind.SIMULATION, source="simulated")
    )
    made = msgspec.structs.replace(prediction(stream=stream), source="simulated")
    shown(views, made)
    EventWriter(pool).write([made, promotion(AS_OF_MS - QUARTER_MS, stream=stream)])

    with serving(stream) as client:
        document = seen(browser, f"{client.base_url}/", tmp_path)

    assert re.search(r'id="collected" class="collected" hidden', document)
    assert re.search(r'<select id="choice"[^>]* hidden', document)
