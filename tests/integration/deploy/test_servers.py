"""The embedded servers without a launcher."""

import json
import os
import signal
import socket
import subprocess
import sys

import msgspec
import pytest

from deploy.local.directories import AlreadyRunningError, DataDirectory
from deploy.local.ports import KAFKA, LOOPBACK, ClaimedPorts
from deploy.local.servers.embedded import Cache, Database
from deploy.local.servers.fleets import running_servers
from deploy.local.servers.health import questions, wait_until_ready
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import spawn
from schemas.errors import ConfigurationError, StoreUnavailableError
from schemas.streams import StreamDescription, StreamKind
from schemas.topics import ALL_TOPICS
from schemas.wire.administration import Administration
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from tests.integration.deploy.conftest import ROOT, eventually, is_alive

DESCRIPTION = StreamDescription(
    stream="replay-kept",
    kind=StreamKind.REPLAY,
    title="kept",
    source="files",
    instruments=("BTC-USDT.BINANCE",),
    origin_ms=0,
    warm_up_until_ms=1,
    end_ms=2,
    speed=60.0,
    parameters={},
    created_ms=3,
)


@pytest.fixture
def streams():
    """Opens the stored streams of a URL and closes them again."""
    opened = []

    def open_streams(url):
        found = PostgresPool(url, max_connections=1)
        found.open()
        opened.append(found)
        return StoredStreams(found)

    yield open_streams
    for found in opened:
        found.close()


@pytest.fixture
def settings(tmp_path):
    return LauncherSettings(data_dir=tmp_path / "data")


def test_every_server_answers_in_its_own_protocol(endpoints):
    assert [question.name for question in questions(endpoints) if not question.is_answered()] == []


def test_server_that_does_not_answer_yet_is_named_once_to_those_who_wait(endpoints):
    """A hosted database that sleeps takes some seconds to wake up, and nothing said so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asleep = f"postgresql://u:secret@127.0.0.1:{silent.getsockname()[1]}/db"
        said = []
        with pytest.raises(StoreUnavailableError, match="postgres does not answer"):
            wait_until_ready(
                msgspec.structs.replace(endpoints, database_url=asleep), timeout_s=3.0, say=said.append
            )
    (line,) = said
    assert "wake up" in line
    assert "secret" not in line


def test_topics_are_there(endpoints):
    assert Administration(endpoints.kafka).create_topics(ALL_TOPICS) == []


def test_what_was_stored_is_there_after_the_next_start(settings, streams):
    with running_servers(settings, {}) as endpoints:
        streams(endpoints.database_url).register_stream(DESCRIPTION)

    with running_servers(settings, {}) as endpoints:
        assert streams(endpoints.database_url).stream("replay-kept") == DESCRIPTION


def test_nothing_is_left_when_they_have_ended(settings):
    directory = DataDirectory(settings.data_dir)
    with running_servers(settings, {}):
        pids = [json.loads(file.read_text())["pid"] for file in directory.pids.iterdir()]

    assert len(pids) == 3
    assert not [pid for pid in pids if is_alive(pid)]
    assert not directory.endpoints.exists()
    assert not list(directory.pids.iterdir())


def test_data_directory_has_one_holder(settings):
    with (
        running_servers(settings, {}),
        pytest.raises(AlreadyRunningError) as caught,
        running_servers(settings, {}),
    ):
        pass

    assert caught.value.holder.pid == os.getpid()


def test_explicit_port_in_use_is_refused_by_its_variable(tmp_path):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        settings = LauncherSettings(data_dir=tmp_path / "data", redis_port=port)
        with (
            pytest.raises(ConfigurationError, match=f"DRIFTLINE_REDIS_PORT: port {port}"),
            running_servers(settings, {}),
        ):
            pass


def test_usual_port_in_use_makes_way_for_the_next_free_one():
    with ClaimedPorts() as claimed:
        port = claimed.choose(KAFKA)
    with socket.create_server((LOOPBACK, port)), ClaimedPorts() as claimed:
        other = claimed.choose(KAFKA)

    assert other > port


def test_port_that_another_start_has_chosen_is_left_to_it_until_that_ends():
    with ClaimedPorts() as ours, ClaimedPorts() as theirs:
        port = ours.choose(KAFKA)
        other = theirs.choose(KAFKA)
        explicit = theirs.choose(KAFKA, explicit=port)

        ours.release()
        again = theirs.choose(KAFKA)

    assert other > port
    assert explicit == again == port


def test_starts_at_once_never_choose_one_port_twice():
    choose = "from deploy.local.ports import KAFKA, ClaimedPorts; mine = ClaimedPorts(); print(mine.choose(KAFKA), flush=True); input()"
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", choose], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    try:
        ports = [start.stdout.readline() for start in starts]
    finally:
        for start in starts:
            start.communicate("\n")

    assert len(set(ports)) == len(starts), ports


def test_killed_postgres_comes_back_with_what_it_held(settings, streams):
    directory = DataDirectory(settings.data_dir)
    with running_servers(settings, {}) as endpoints:
        streams(endpoints.database_url).register_stream(DESCRIPTION)
        pid = json.loads((directory.pids / "postgres.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))

    with running_servers(settings, {}) as endpoints:
        assert streams(endpoints.database_url).stream("replay-kept") == DESCRIPTION


def test_server_that_lost_its_port_is_known_not_to_listen_on_it(tmp_path):
    """Two starts at once chose the same port: the one that lost it then used the other's server."""
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        cache = Cache(port=port, directory=directory.valkey, environment={})
        cache.prepare()
        spawned = spawn(cache.command(), directory)
        eventually(lambda: spawned.exit_code() is not None)

    assert not spawned.listens_on(port)


def test_postgres_lock_whose_process_id_is_someone_elses_is_forgotten(tmp_path):
    """After a container's restart the id in the lock belongs to another program, and Postgres refused."""
    directory = tmp_path / "postgres"
    directory.mkdir()
    (directory / "PG_VERSION").write_text("18\n")
    (directory / "postmaster.pid").write_text(f"{os.getpid()}\n{directory}\n")

    Database(port=1, directory=directory, environment={}).prepare()

    assert not (directory / "postmaster.pid").exists()
