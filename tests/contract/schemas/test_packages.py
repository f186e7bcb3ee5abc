"""The house: where packages resolve, and the tree of errors."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from schemas import errors

ROOT = Path(__file__).resolve().parents[3]

TREE = {
    "PlatformError": "Exception",
    "ConfigurationError": "PlatformError",
    "ContractError": "PlatformError",
    "DecodeError": "ContractError",
    "SchemaVersionError": "ContractError",
    "InvariantError": "ContractError",
    "RowRefusedError": "ContractError",
    "TransientError": "PlatformError",
    "BrokerUnavailableError": "TransientError",
    "StoreUnavailableError": "TransientError",
    "SourceUnavailableError": "TransientError",
    "StateError": "PlatformError",
    "OffsetRegressionError": "StateError",
    "SnapshotMismatchError": "StateError",
    "ProducerFencedError": "StateError",
    "NotReadyError": "PlatformError",
}


@pytest.mark.parametrize("name", ["schemas", "producers", "stream_processors", "trainers", "api", "deploy"])
def test_top_level_package_resolves_inside_this_repository(name: str) -> None:
    """Names as common as ``api`` could be another distribution's."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve().parent == ROOT / name


def test_faust_and_its_kafka_client_load_beside_everything_else() -> None:
    """Faust allows no click of 8.4 or later, so a newer click in the lock would leave no room for it."""
    loading = "from aiokafka import AIOKafkaConsumer; from faust import App; App('a', store='memory://')"
    subprocess.run([sys.executable, "-W", "error", "-c", loading], check=True)


def test_error_tree_is_the_declared_one() -> None:
    found = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert found == TREE


def test_error_tree_is_drawn_in_the_docstring() -> None:
    assert errors.__doc__ is not None
    assert [name for name in TREE if name not in errors.__doc__] == []
