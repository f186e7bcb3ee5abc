"""Settings from a mapping: aliases, empty values, named errors, and the file of endpoints."""

from pathlib import Path

import msgspec
import pytest

from schemas.errors import ConfigurationError, NotReadyError
from schemas.time import Interval
from schemas.wire.settings import ENDPOINTS_FILE, Endpoints, KafkaEndpoint, ServerSettings
from stream_processors.settings import ProcessorSettings

STORED = Endpoints(
    kafka=KafkaEndpoint(bootstrap_servers="127.0.0.1:9", is_embedded=True),
    redis_url="redis://127.0.0.1:1/0",
    database_url="postgresql://a@127.0.0.1:2/b",
    api_url="http://127.0.0.1:3",
)
USUAL = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "REDIS_URL": "redis://redis:6379/0",
    "DATABASE_URL": "postgresql://db/x",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ENDPOINTS_FILE).write_bytes(msgspec.json.encode(STORED))
    return tmp_path


def test_usual_variables_are_honoured() -> None:
    found = ServerSettings.from_environment(USUAL).endpoints()
    assert found.kafka == KafkaEndpoint(bootstrap_servers="kafka:9092", is_embedded=False)
    assert (found.redis_url, found.database_url) == (USUAL["REDIS_URL"], USUAL["DATABASE_URL"])


def test_own_variable_wins_over_the_usual_one() -> None:
    settings = ServerSettings.from_environment(USUAL | {"DRIFTLINE_REDIS_URL": "redis://own/0"})
    assert settings.redis_url == "redis://own/0"


def test_empty_value_is_unset() -> None:
    settings = ServerSettings.from_environment({"REDIS_URL": "", "DRIFTLINE_DATA_DIR": ""})
    assert settings.redis_url is None
    assert settings.data_dir == Path(".driftline")


def test_process_environment_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://process/0")
    monkeypatch.setenv("DRIFTLINE_REDIS_URL", "redis://process/0")
    monkeypatch.setenv("redis_url", "redis://process/0")
    assert ServerSettings.from_environment({}).redis_url is None


def test_override_wins_and_none_is_unset() -> None:
    settings = ServerSettings.from_environment(USUAL, redis_url="redis://option/0", database_url=None)
    assert settings.redis_url == "redis://option/0"
    assert settings.database_url == USUAL["DATABASE_URL"]


@pytest.mark.parametrize("value", ["2m", "1m,,15m", "1m;15m", " "])
def test_wrong_value_names_its_variable_and_the_allowed_form(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DRIFTLINE_INTERVALS: .*1m, 5m, 15m"):
        ProcessorSettings.from_environment({"DRIFTLINE_INTERVALS": value})


def test_intervals_may_have_spaces() -> None:
    settings = ProcessorSettings.from_environment({"DRIFTLINE_INTERVALS": "1m, 4h"})
    assert settings.bar_intervals == [Interval.ONE_MINUTE, Interval.FOUR_HOURS]


def test_stored_endpoints_are_used_where_no_url_is_set(folder: Path) -> None:
    settings = ServerSettings.from_environment({"DRIFTLINE_DATA_DIR": str(folder)})
    assert settings.endpoints() == STORED


def test_url_that_is_set_wins_over_the_stored_one(folder: Path) -> None:
    settings = ServerSettings.from_environment(USUAL | {"DRIFTLINE_DATA_DIR": str(folder)})
    found = settings.endpoints()
    assert found.kafka == KafkaEndpoint(bootstrap_servers="kafka:9092", is_embedded=False)
    assert found.redis_url == USUAL["REDIS_URL"]
    assert found.api_url == STORED.api_url


def test_url_of_the_embedded_broker_itself_stays_the_embedded_broker(folder: Path) -> None:
    environment = {"DRIFTLINE_DATA_DIR": str(folder), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    assert ServerSettings.from_environment(environment).endpoints().kafka.is_embedded


@pytest.mark.parametrize("missing", USUAL)
def test_server_that_is_neither_set_nor_running_is_named(missing: str, tmp_path: Path) -> None:
    given = {name: url for name, url in USUAL.items() if name != missing}
    settings = ServerSettings.from_environment(given | {"DRIFTLINE_DATA_DIR": str(tmp_path)})
    with pytest.raises(NotReadyError, match=missing):
        settings.endpoints()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"kafka":1}', b'{"kafka":"\xff"}']
)
def test_broken_file_of_endpoints_says_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ENDPOINTS_FILE).write_bytes(content)
    settings = ServerSettings.from_environment({"DRIFTLINE_DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="delete it"):
        settings.endpoints()


def test_folder_in_the_place_of_the_file_of_endpoints_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ENDPOINTS_FILE).mkdir()
    with pytest.raises(ConfigurationError, match="delete it"):
        ServerSettings.from_environment({"DRIFTLINE_DATA_DIR": str(tmp_path)}).endpoints()


def test_broker_alone_is_found_without_the_other_servers(tmp_path: Path) -> None:
    settings = ServerSettings.from_environment({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}, data_dir=tmp_path)

    assert settings.kafka_endpoint() == KafkaEndpoint(bootstrap_servers="broker:9092", is_embedded=False)
    with pytest.raises(NotReadyError):
        settings.endpoints()
