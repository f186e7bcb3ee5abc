"""The command line: quick help, one-line errors, lean imports."""

import socket
import subprocess
import sys
from pathlib import Path

import msgspec
from click.testing import CliRunner

from api.commands import commands, listening_socket
from schemas.errors import ConfigurationError
from schemas.wire.settings import Endpoints, KafkaEndpoint

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {
    "alembic",
    "fastapi",
    "numba",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "sklearn",
    "sqlalchemy",
    "xgboost",
}
NOWHERE = Endpoints(
    kafka=KafkaEndpoint(bootstrap_servers="127.0.0.1:1", is_embedded=True),
    redis_url="redis://127.0.0.1:1/0",
    database_url="postgresql://nobody@127.0.0.1:1/none",
)


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_help_names_the_commands():
    shown = CliRunner().invoke(commands, ["--help"], obj={})
    assert shown.exit_code == 0
    assert "serve" in shown.output
    assert "scoring" in shown.output


def test_help_loads_neither_the_web_framework_nor_a_model_runtime():
    assert not loaded_by("import api.commands") & {*HEAVY, "uvicorn", "confluent_kafka"}


def test_the_server_loads_no_training_library():
    assert not loaded_by("import api.app, uvicorn") & (HEAVY - {"fastapi"})


def test_the_scoring_job_loads_no_training_library():
    assert not loaded_by("import api.scoring.jobs") & (HEAVY - {"onnxruntime"})


def test_a_taken_port_is_said_in_one_line(tmp_path):
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(NOWHERE))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {"DRIFTLINE_DATA_DIR": str(tmp_path), "DRIFTLINE_PORT": str(taken.getsockname()[1])}
        done = CliRunner().invoke(commands, ["serve"], obj=environment)
    assert isinstance(done.exception, ConfigurationError)
    assert "DRIFTLINE_PORT" in str(done.exception)


def test_answers_are_not_held_back_for_forty_milliseconds():
    """The socket did not name its protocol, so asyncio left Nagle's algorithm on: p50 was 44 ms, not 1.5."""
    with listening_socket("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
