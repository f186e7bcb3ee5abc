"""What running Apache Kafka needs: Java, Maven and the jars, or a Docker engine; and how a node is set up."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local.diagnosing import diagnoses
from deploy.local.directories import DataDirectory
from deploy.local.ports import ClaimedPorts
from deploy.local.servers.containers import container_environment, engine_answers
from deploy.local.servers.jars import VERSION, jars_folder, kafka_jars
from deploy.local.servers.java import find_java, find_maven
from deploy.local.servers.kraft import QUICK_JVM, KraftNode, new_cluster_id, node_properties, seats_of
from deploy.local.servers.planning import make_plan
from deploy.local.settings import KafkaEngine, LauncherSettings
from schemas.errors import ConfigurationError

JAVA = "echo 'openjdk version \"{version}\" 2025-04-15' >&2"
#: Leaves the one file that is looked for, and a mark for each time that it is called.
MAVEN = """for argument in "$@"; do case "$argument" in -DoutputDirectory=*) folder="${{argument#*=}}";; esac; done
echo called >> {marks}; sleep 0.2; mkdir -p "$folder"; touch "$folder/kafka_2.13-{version}.jar"
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path: Path, programs: Path) -> dict[str, str]:
    return {"PATH": f"{programs}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def only(programs: Path, environment: dict[str, str]) -> dict[str, str]:
    """A path with nothing on it but what the test put there."""
    return environment | {"PATH": str(programs)}


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.1"])
def test_java_that_is_new_enough_is_found(version: str, programs: Path, environment: dict[str, str]) -> None:
    program(programs / "java", JAVA.format(version=version))
    assert find_java(environment) == programs / "java"


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2"])
def test_java_that_is_too_old_is_refused_with_what_to_install(
    version: str, programs: Path, environment: dict[str, str]
) -> None:
    program(programs / "java", JAVA.format(version=version))
    with pytest.raises(ConfigurationError, match=r"needs Java 17, .*java is .*openjdk-17-jre-headless"):
        find_java(environment)


def test_program_called_java_that_is_none_is_refused(programs: Path, environment: dict[str, str]) -> None:
    program(programs / "java", "echo 'The operation could not be completed' >&2; exit 1")
    with pytest.raises(ConfigurationError, match="needs Java 17"):
        find_java(environment)


def test_java_home_comes_before_the_path(tmp_path: Path, programs: Path, environment: dict[str, str]) -> None:
    (tmp_path / "home" / "bin").mkdir(parents=True)
    program(programs / "java", JAVA.format(version="11"))
    program(tmp_path / "home" / "bin" / "java", JAVA.format(version="17.0.1"))
    assert find_java(environment | {"JAVA_HOME": str(tmp_path / "home")}).parent.parent == tmp_path / "home"
    with pytest.raises(ConfigurationError, match="there is none"):
        find_java(environment | {"JAVA_HOME": str(tmp_path / "elsewhere")})


def test_missing_programs_are_named_with_what_to_install(programs: Path, environment: dict[str, str]) -> None:
    bare = only(programs, environment)
    with pytest.raises(ConfigurationError, match="there is none: install Java 17 or newer and Maven"):
        find_java(bare)
    with pytest.raises(ConfigurationError, match="no `mvn`: install Java 17"):
        find_maven(bare)
    with pytest.raises(ConfigurationError, match="no `mvn`"):
        kafka_jars(bare, say=print)


def test_jars_are_fetched_once_however_many_want_them_at_once(
    tmp_path: Path, programs: Path, environment: dict[str, str]
) -> None:
    marks, said = tmp_path / "marks", []
    program(programs / "mvn", MAVEN.format(marks=marks, version=VERSION))
    with ThreadPoolExecutor(max_workers=4) as pool:
        folders = set(pool.map(lambda _: kafka_jars(environment, say=said.append), range(4)))
    assert folders == {jars_folder(environment)}
    assert marks.read_text() == "called\n"
    assert len(said) == 1
    kafka_jars(only(tmp_path, environment), say=said.append)
    assert len(said) == 1


def test_jars_that_could_not_be_fetched_are_not_there(programs: Path, environment: dict[str, str]) -> None:
    program(programs / "mvn", "echo '[INFO] looking'; echo '[ERROR] no route to Maven Central'; exit 1")
    with pytest.raises(ConfigurationError, match=r"no route to Maven Central; .*mirror"):
        kafka_jars(environment, say=lambda _: None)
    assert not jars_folder(environment).exists()


def test_cache_that_cannot_be_written_names_its_variable(
    tmp_path: Path, programs: Path, environment: dict[str, str]
) -> None:
    program(programs / "mvn", "exit 0")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME"):
        kafka_jars(environment | {"XDG_CACHE_HOME": str(tmp_path / "file")}, say=lambda _: None)


def node(tmp_path: Path, n_nodes: int) -> KraftNode:
    seats = seats_of([21_000 + i for i in range(2 * n_nodes)])
    return KraftNode(
        name="kafka-1",
        seat=seats[0],
        seats=seats,
        cluster_id=new_cluster_id(),
        directory=tmp_path,
        java=Path("/java"),
        jars=Path("/jars"),
        environment={},
    )


def test_node_alone_keeps_one_copy_and_three_keep_three_of_which_two_must_have_it(tmp_path: Path) -> None:
    copies = ("default.replication.factor", "offsets.topic.replication.factor")
    copies += ("transaction.state.log.replication.factor",)
    in_sync = ("min.insync.replicas", "transaction.state.log.min.isr")
    for n_nodes, n_copies, n_in_sync in ((1, 1, 1), (3, 3, 2)):
        properties = node_properties(node(tmp_path, n_nodes))
        assert {properties[name] for name in copies} == {n_copies}
        assert {properties[name] for name in in_sync} == {n_in_sync}
    voters = "1@127.0.0.1:21001,2@127.0.0.1:21003,3@127.0.0.1:21005"
    assert properties["controller.quorum.voters"] == voters
    assert int(properties["broker.session.timeout.ms"]) < 9000


def test_identity_of_a_cluster_has_the_form_that_kafka_takes() -> None:
    made = {new_cluster_id() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", identity) for identity in made)


class Engine(BaseHTTPRequestHandler):
    """As much of a Docker engine as is asked whether there is one."""

    def do_GET(self) -> None:
        version = json.dumps({"ApiVersion": "1.45", "MinAPIVersion": "1.24"})
        body = b"OK" if self.path.endswith("/_ping") else version.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def engine() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_container_is_chosen_only_where_an_engine_answers(engine: str) -> None:
    assert engine_answers({"DOCKER_HOST": engine})
    assert not engine_answers({"DOCKER_HOST": "tcp://127.0.0.1:9"})


def test_container_is_told_the_settings_of_a_single_node() -> None:
    told = container_environment(host="localhost", port=21_000, jvm=QUICK_JVM)
    assert told["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://localhost:21000"
    assert told["KAFKA_LISTENERS"].startswith("PLAINTEXT://0.0.0.0:21000,")
    assert told["KAFKA_MIN_INSYNC_REPLICAS"] == told["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"] == "1"
    assert told["KAFKA_HEAP_OPTS"] == "-Xms128m -Xmx512m"
    assert "TieredStopAtLevel" in told["KAFKA_JVM_PERFORMANCE_OPTS"]


def test_engine_and_an_address_of_another_contradict_each_other(tmp_path: Path) -> None:
    settings = LauncherSettings.from_environment(
        {"DRIFTLINE_KAFKA": "apache", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
    )
    with pytest.raises(ConfigurationError, match=r"DRIFTLINE_KAFKA=apache .* unset one"):
        make_plan(settings, DataDirectory(tmp_path), {}, claimed=ClaimedPorts())


def test_unknown_engine_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="DRIFTLINE_KAFKA"):
        LauncherSettings.from_environment({"DRIFTLINE_KAFKA": "pulsar"})


def test_doctor_misses_java_only_when_apache_kafka_is_wanted(
    tmp_path: Path, programs: Path, environment: dict[str, str]
) -> None:
    def found(engine: KafkaEngine) -> tuple[bool, str]:
        settings = LauncherSettings(data_dir=tmp_path, kafka=engine)
        told = {each.what: each for each in diagnoses(settings, only(programs, environment))}
        return told["Apache Kafka"].is_well, told["Apache Kafka"].finding

    assert found(KafkaEngine.EMBEDDED) == (
        True,
        "cannot run here, and is not needed: it would need Java 17 and Maven",
    )
    assert found(KafkaEngine.APACHE) == (False, "cannot run")
