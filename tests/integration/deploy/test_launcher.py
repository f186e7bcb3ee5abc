"""The launcher over real servers and small real processes."""

import json
import os
import signal
import sys

import pytest

from deploy.local.supervising import END_ORDER
from tests.integration.deploy.conftest import HEALED_S, eventually, is_alive

pytestmark = pytest.mark.slow


def test_start_reaches_a_prediction_and_says_what_it_took(launched):
    launched.start()

    eventually(launched.is_predicting)

    status = json.loads(launched.driftline("status", "--json").stdout)
    assert status["is_running"]
    assert {process["name"] for process in status["state"]["processes"]} >= {
        "broker",
        "valkey",
        "postgres",
        "api",
    }
    assert status["memory"]
    second = launched.driftline("up")
    assert second.returncode == 0
    assert second.stdout.startswith(f"already running at {status['state']['api_url']}")
    start = json.loads(launched.directory.start.read_text())
    assert start["data"] == "STUBS"
    assert start["first_prediction_after_s"] > 0
    assert start["memory"]["total_bytes"] > sum(
        start["memory"]["by_process"][name] for name in ("broker", "postgres")
    )
    assert "first prediction (15m:15m) after" in launched.output.read_text()


def test_ctrl_c_ends_sources_before_processors_before_servers(launched):
    launched.start()
    eventually(lambda: launched.is_predicting() and "producer runs" in launched.notes())
    pids = launched.pids()

    launched.popen.send_signal(signal.SIGINT)

    assert launched.popen.wait(60) == 0
    assert launched.notes()[-2:] == ["producer ended", "service ended"]
    assert not [name for name, pid in pids.items() if is_alive(pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie between processes is Linux')")
def test_launcher_that_is_killed_leaves_nothing_running_and_the_next_start_goes_on(launched):
    launched.start()
    eventually(launched.is_predicting)
    pids = launched.pids()

    launched.popen.kill()
    launched.popen.wait()

    eventually(lambda: not [pid for pid in pids.values() if is_alive(pid)], within_s=60)
    launched.start()
    eventually(launched.is_predicting)


def test_death_of_the_broker_starts_its_clients_again_and_nothing_else(launched):
    launched.start()
    eventually(launched.is_predicting)
    before = launched.pids()

    os.kill(before["broker"], signal.SIGKILL)

    eventually(lambda: launched.runs("producer", n_restarts=1), within_s=HEALED_S)
    after = launched.pids()
    assert {name for name in before if before[name] == after[name]} == {"valkey", "postgres", "api"}
    assert launched.notes().count("once") == 2


def test_death_of_any_other_process_starts_that_one_again_alone(launched):
    launched.start()
    eventually(launched.is_predicting)

    for name in ("valkey", "postgres", "service", "api", "producer"):
        before = launched.pids()
        os.kill(before[name], signal.SIGKILL)

        def is_back() -> bool:
            """Postgres may need a second try, while what it left behind is still there."""
            after = launched.pids()
            assert {other for other in before if before[other] != after.get(other)} <= {name}  # noqa: B023
            return name in after and launched.runs(name, n_restarts=1)  # noqa: B023

        eventually(is_back, within_s=HEALED_S)

    assert launched.notes().count("once") == 1


def test_one_shot_that_fails_is_tried_again_until_it_ends_well(launched):
    launched.start("fail-twice")

    eventually(launched.is_predicting)

    assert launched.notes().count("tried") == 3
    assert "warm-up failed with exit code 1" in launched.output.read_text()
    assert launched.process("warm-up").n_restarts == 2


@pytest.mark.parametrize(
    ("kind", "n_runs", "reason"),
    [
        ("fail", 3, "ZeroDivisionError: division by zero"),
        ("fail-unavailable", 8, "StoreUnavailableError: Postgres does not answer"),
    ],
)
def test_one_shot_that_always_fails_ends_the_start_with_one_line(launched, kind, n_runs, reason):
    """The warm-up was started again without end."""
    launched.start(kind)

    assert launched.popen.wait(120) == 1
    last = launched.output.read_text().splitlines()[-1]
    log = launched.directory.logs / "warm-up.log"
    assert last == f"StartFailedError: warm-up failed {n_runs} times in a row: {reason}; its log is {log}"
    assert launched.notes().count("tried") == n_runs
    assert not [pid for pid in launched.pids().values() if is_alive(pid)]


def test_start_goes_on_without_a_dispensable_one_shot_that_always_fails(launched):
    launched.start("once", "fail")

    eventually(launched.is_predicting)

    assert launched.process("train").state == "given up"
    assert "train failed too often and is not started again" in launched.driftline("status").stdout
    assert "the rest goes on without it" in launched.output.read_text()


def test_long_wait_is_named_with_what_ends_it(launched):
    launched.start("wait")

    reason = "s for warm-up: it ends when its history is published"  # a slow start also waits for Postgres, and says so
    said = eventually(lambda: reason in (text := launched.output.read_text()) and text)

    (line,) = [line for line in said.splitlines() if reason in line]
    assert "waited " in line
    eventually(lambda: "for warm-up: it ends when" in launched.driftline("status").stdout)


def test_wrong_setting_of_a_job_ends_the_start_with_one_line(launched):
    launched.start("misconfigured")

    assert launched.popen.wait(60) == 2
    last = launched.output.read_text().splitlines()[-1]
    assert last == "ConfigurationError: warm-up: DRIFTLINE_SEED must be a number, was 'x'"
    assert not [pid for pid in launched.pids().values() if is_alive(pid)]


def test_stop_ends_everything_and_reset_waits_for_that(launched):
    launched.start()
    eventually(launched.is_predicting)
    pids = launched.pids()

    refused = launched.driftline("reset", "--yes")
    stopped = launched.driftline("stop")
    left = [name for name, pid in pids.items() if is_alive(pid)]
    done = launched.driftline("reset", "--yes")

    assert (refused.returncode, stopped.returncode, done.returncode) == (2, 0, 0)
    assert "driftline stop" in refused.stderr
    assert sum(timeout_s for _, timeout_s in END_ORDER) < 10  # what is not gone by then is killed
    assert left == []
    assert [entry for entry in launched.directory.path.iterdir() if entry.name != "numba"] == []


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("REDIS_URL", "redis://127.0.0.1:9/0"),
        ("DATABASE_URL", "postgresql://me:secret@127.0.0.1:9/mine"),
    ],
)
def test_unreachable_external_server_is_one_line_that_names_its_variable(launched, variable, url):
    launched.start(**{variable: url})

    assert launched.popen.wait(60) == 2
    said = launched.output.read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"ConfigurationError: {variable}: nothing answers at ")
    assert "secret" not in said[0]


def test_external_server_is_used_instead_of_an_embedded_one(launched, endpoints):
    launched.start(REDIS_URL=endpoints.redis_url)

    eventually(launched.is_predicting)

    assert json.loads(launched.directory.endpoints.read_text())["redis_url"] == endpoints.redis_url
    assert "valkey" not in launched.pids()
