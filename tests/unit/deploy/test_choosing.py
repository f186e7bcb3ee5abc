"""What a run without files runs on: what is asked for, what is set, or whoever answers."""

import threading
import time

import pytest

from deploy.local.choosing import SIMULATED, AskedSource, choose
from deploy.local.probing import SOURCES, Probed, ProbedSource, ask_by_http, probe
from deploy.local.runs import chosen, run_of
from producers.settings import RunSource
from schemas.errors import ConfigurationError

MIRROR = "http://127.0.0.1:18123"
ALL_ANSWER = [Probed(source, "") for source in SOURCES]
NONE_ANSWERS = [Probed(source, "does not answer (no route)") for source in SOURCES]


def chosen_by(environment, found, *, asked=None, is_seeded=False):
    said = []
    choice = choose(environment, asked=asked, is_seeded=is_seeded, say=said.append, ask_sources=lambda: found)
    return choice, said


def test_a_venue_that_answers_makes_the_run_live():
    choice, said = chosen_by({}, ALL_ANSWER)
    assert choice.source is RunSource.LIVE
    assert "binance, coinbase, kraken" in said[-1]


def test_without_a_venue_the_market_is_simulated_and_each_silence_is_said():
    choice, said = chosen_by({}, NONE_ANSWERS)
    assert choice == SIMULATED
    assert said[:-1] == [f"{source.name} does not answer (no route)" for source in SOURCES]
    assert "SIMULATED" in said[-1]


def test_news_alone_make_no_market():
    found = [Probed(source, "" if not source.is_venue else "does not answer (x)") for source in SOURCES]
    assert chosen_by({}, found)[0] == SIMULATED


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, {"asked": AskedSource.SIMULATED}),
        ({"DRIFTLINE_SOURCE": "simulated"}, {}),
        ({}, {"is_seeded": True}),
        ({"DRIFTLINE_SOURCES_MIRROR": MIRROR}, {"asked": AskedSource.SIMULATED}),
    ],
)
def test_whoever_asks_for_the_simulated_market_gets_it_without_a_question(environment, options):
    choice, said = chosen_by(environment, None, **options)
    assert (choice, said) == (SIMULATED, [])


def test_a_mirror_that_is_set_is_used_without_a_question():
    choice, said = chosen_by({"DRIFTLINE_SOURCES_MIRROR": MIRROR}, None)
    assert (choice.source, choice.mirror, choice.own_mirror, said) == (RunSource.LIVE, MIRROR, None, [])


def test_live_is_not_asked_for_on_a_mirror():
    with pytest.raises(ConfigurationError, match="exclude each other"):
        chosen_by({"DRIFTLINE_SOURCES_MIRROR": MIRROR}, None, asked=AskedSource.LIVE)


def test_live_that_is_asked_for_does_not_wait_for_answers():
    assert chosen_by({}, None, asked=AskedSource.LIVE)[0].source is RunSource.LIVE


def test_an_unknown_source_is_refused():
    with pytest.raises(ConfigurationError, match="live, mirror or simulated"):
        chosen_by({"DRIFTLINE_SOURCE": "real"}, None)


def test_files_and_a_source_exclude_each_other(tmp_path):
    with pytest.raises(ConfigurationError, match="exclude each other"):
        chosen({}, data=(tmp_path / "candles.csv",), source="live", seed=None, say=print)


def test_own_mirror_needs_recorded_data_and_says_so(tmp_path):
    environment = {"DRIFTLINE_RECORDED_DATA": str(tmp_path), "DRIFTLINE_DATA_DIR": str(tmp_path / "data")}
    with pytest.raises(ConfigurationError, match="DRIFTLINE_RECORDED_DATA"):
        chosen_by(environment, None, asked=AskedSource.MIRROR)


def test_own_mirror_goes_on_with_the_market_of_its_data_directory(tmp_path):
    (tmp_path / "MANIFEST.md").touch()
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "mirror.json").write_text('{"port": 18321, "start_ms": 1700000000000}')
    environment = {"DRIFTLINE_RECORDED_DATA": str(tmp_path), "DRIFTLINE_DATA_DIR": str(data_dir)}
    made = chosen_by(environment, None, asked=AskedSource.MIRROR)[0].own_mirror
    assert (made.port, made.start_ms, made.rate) == (18321, 1_700_000_000_000, 0)


@pytest.mark.parametrize(
    ("set_to", "options"), [(None, ["--rate", "20"]), ("0", []), ("129", ["--rate", "129"])]
)
def test_a_new_own_mirror_plays_an_ordinary_rate_or_the_one_that_is_set(tmp_path, set_to, options):
    (tmp_path / "MANIFEST.md").touch()
    environment = {"DRIFTLINE_RECORDED_DATA": str(tmp_path), "DRIFTLINE_DATA_DIR": str(tmp_path / "data")}
    environment |= {} if set_to is None else {"DRIFTLINE_MIRROR_RATE": set_to}
    made = chosen_by(environment, None, asked=AskedSource.MIRROR)[0].own_mirror
    arguments = list(made.process.arguments)
    assert arguments[arguments.index("--moving") + 1 :] == options


@pytest.mark.parametrize(
    ("mirror", "stream", "words"),
    [(None, "live", "live market"), (MIRROR, "mirror-", "MIRROR at http://127.0.0.1:18123")],
)
def test_a_run_on_a_mirror_is_never_called_live(mirror, stream, words):
    environment = {} if mirror is None else {"DRIFTLINE_SOURCES_MIRROR": mirror}
    choice = chosen_by(environment, ALL_ANSWER)[0]
    run = run_of(environment, choice=choice)
    assert run.environment["DRIFTLINE_STREAM"].startswith(stream)
    assert run.data.startswith(words)
    assert run.environment["DRIFTLINE_REFERENCE_INSTRUMENT"] == "BTC-USDT.BINANCE"
    assert {"producer", "collector", "articles", "news"} <= {process.name for process in run.processes}


def test_a_live_run_refuses_files():
    with pytest.raises(ConfigurationError, match="exclude each other"):
        run_of({"DRIFTLINE_SOURCE": "live", "DRIFTLINE_DATA": __file__})


def test_who_does_not_answer_in_time_does_not_hold_up_the_others():
    """Looking up a name may take a minute where there is no internet."""
    release = threading.Event()
    sources = [ProbedSource(name, f"https://{name}", is_venue=True) for name in ("slow", "quick")]
    began = time.monotonic()
    found = probe(sources, ask=lambda url, _: "" if "quick" in url else str(release.wait(60)), within_s=0.5)
    release.set()
    assert [(each.source.name, each.answers) for each in found] == [("slow", False), ("quick", True)]
    assert "within 0.5 s" in found[0].trouble
    assert time.monotonic() - began < 30


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("status", "words"),
    [(451, "is not available here (status 451)"), (500, "answers with status 500"), (200, "")],
)
def test_a_refusal_is_told_from_an_error(mirror, status, words):
    if status != 200:
        mirror.fail("status", status=status)
    assert ask_by_http(mirror.url("https://api.kraken.com/0/public/Time"), 60.0) == words


def test_an_address_at_which_nothing_listens_does_not_answer():
    assert "does not answer" in ask_by_http("http://127.0.0.1:9", 60.0)
