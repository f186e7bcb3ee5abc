"""Two coins side by side, joined live: vectors and predictions are those of the files, to the bit."""

from pathlib import Path

import pytest

from stream_processors.features.vector_declarations import spec_of
from tests.fixtures.companion_runs import (
    COMPANIONS,
    OVER,
    Replayed,
    expected_vectors,
    recorded_files,
    replay_both,
)
from tests.fixtures.running_demo import INSTRUMENT

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def files(recorded_data: Path) -> dict[str, Path]:
    return recorded_files(recorded_data)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> Replayed:
    return replay_both(tmp_path_factory.mktemp("companions"), files)


def test_stored_vectors_are_those_of_the_files_to_the_bit(replayed: Replayed, files: dict[str, Path]) -> None:
    expected = expected_vectors(files)
    assert replayed.vectors.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert replayed.vectors.known_ms.tolist() == expected.known_ms.tolist()
    assert replayed.vectors.values.tobytes() == expected.values.tobytes()


def test_models_are_trained_on_vectors_of_the_first_coin_alone(replayed: Replayed) -> None:
    assert replayed.promoted == {(INSTRUMENT, spec_of(COMPANIONS).hash)}


@pytest.mark.parametrize("over", OVER)
def test_backtest_finds_the_hash_of_the_live_predictions(replayed: Replayed, over: str) -> None:
    parity = replayed.backtests[over]["parity"]
    assert parity["first_difference"] is None
    assert parity["replayed"] == parity["live"]
    assert parity["n_live"] > 500
