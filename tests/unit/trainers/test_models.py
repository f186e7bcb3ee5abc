"""Predicting and exporting: the decision, the parity hash, ONNX and XGBoost."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from schemas.artifacts import MODEL_FILE, sha256
from schemas.errors import InvariantError, StateError
from schemas.events import Direction, FeaturesComputed, ModelPromoted
from schemas.time import Interval
from tests.fakes.artifacts import manifest_of
from tests.fakes.registries import InMemoryRegistry
from trainers.models.decisions import decide
from trainers.models.gradient_boosting import EXPORT_TOLERANCE, BoostingParameters, fit, largest_difference
from trainers.models.onnx_models import OnnxModel
from trainers.models.parity import parity_hash
from trainers.registry.models import load_onnx

PARAMETERS = BoostingParameters(n_rounds=20)
NAMES = ("a", "b", "c")


def training_rows(n=600, seed=1):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n, len(NAMES))).astype(np.float32)
    rows[generator.random(rows.shape) < 0.1] = np.nan
    return rows, np.nan_to_num(rows[:, 0]) + generator.normal(size=n) > 0


@pytest.fixture(scope="module")
def trees():
    rows, is_up = training_rows()
    return fit(rows, is_up, feature_names=NAMES, parameters=PARAMETERS)


@pytest.fixture(scope="module")
def model(trees):
    return OnnxModel.from_bytes(trees.onnx())


def features_of(**changes):
    event = FeaturesComputed(
        event_time_ms=900_000,
        known_time_ms=900_007,
        source="simulated",
        stream="simulation-1",
        instrument="BTC-USDT.SIMULATED",
        interval=Interval.FIFTEEN_MINUTES,
        close=50_000.0,
        feature_spec_hash="spec",
        is_warm=True,
        values={"a": 1.5, "b": None, "c": -0.5},
    )
    return msgspec.structs.replace(event, **changes)


def promoted_of(model, **changes):
    event = ModelPromoted(
        event_time_ms=600_000,
        known_time_ms=600_000,
        source="simulated",
        stream="simulation-1",
        instrument="BTC-USDT.SIMULATED",
        interval=Interval.FIFTEEN_MINUTES,
        horizon=Interval.ONE_HOUR,
        alias="champion",
        model_version="xgboost-1",
        model_hash=model.model_hash,
        feature_spec_hash="spec",
        effective_from_ms=600_000,
    )
    return msgspec.structs.replace(event, **changes)


def test_a_decision_carries_its_inputs_times_and_the_models_names(model):
    made = decide(model, features_of(), promoted_of(model))
    assert (made.event_time_ms, made.known_time_ms) == (900_000, 900_007)
    assert (made.source, made.stream) == ("simulated", "simulation-1")
    assert (made.interval, made.horizon) == (Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR)
    assert (made.model_version, made.model_hash) == ("xgboost-1", model.model_hash)
    assert made.reference_price == 50_000.0


def test_a_promotion_known_later_makes_the_prediction_known_later(model):
    made = decide(model, features_of(), promoted_of(model, known_time_ms=950_000))
    assert made.known_time_ms == 950_000


def test_the_probability_is_a_float32_and_decides_the_direction(model):
    for a in (-2.0, 2.0):
        made = decide(model, features_of(values={"a": a, "b": 0.0, "c": 0.0}), promoted_of(model))
        assert made.probability_up == float(np.float32(made.probability_up))
        assert made.direction == (Direction.UP if a > 0 else Direction.DOWN)


def test_a_model_that_has_learnt_nothing_says_what_the_native_one_says():
    """The converter once exported 0.62 for a model that has learnt nothing."""
    rows = np.zeros((40, 3), dtype=np.float32)
    even = fit(rows, np.arange(40) % 2 == 0, feature_names=NAMES, parameters=PARAMETERS)
    undecided = OnnxModel.from_bytes(even.onnx())
    made = decide(undecided, features_of(), promoted_of(undecided))
    assert made.probability_up == pytest.approx(
        float(even.native_probabilities(rows)[0]), abs=EXPORT_TOLERANCE
    )
    assert made.probability_up == pytest.approx(0.5, abs=0.05)
    assert made.direction == (Direction.UP if made.probability_up >= 0.5 else Direction.DOWN)


def test_the_order_in_which_values_arrive_does_not_matter(model):
    other = features_of(values={"c": -0.5, "b": None, "a": 1.5, "unused": 7.0})
    assert decide(model, other, promoted_of(model)) == decide(model, features_of(), promoted_of(model))


def test_two_rows_get_two_predictions(model):
    """A scaler refitted on the single row being scored once made every prediction the same."""
    rows, _ = training_rows()
    said = {float(model.probability_up(dict(zip(NAMES, row.tolist(), strict=True)))) for row in rows[:50]}
    assert len(said) > 10


def test_features_of_another_set_are_refused(model):
    with pytest.raises(InvariantError, match="train it again"):
        decide(model, features_of(feature_spec_hash="other"), promoted_of(model))


@pytest.mark.parametrize("change", [{"instrument": "ETH-USDT.BINANCE"}, {"model_hash": "0"}, {"stream": "x"}])
def test_a_promotion_of_something_else_is_a_programmers_mistake(model, change):
    with pytest.raises(ValueError, match="promotion"):
        decide(model, features_of(), promoted_of(model, **change))


def test_a_row_alone_and_in_a_batch_are_bit_equal(model):
    rows, _ = training_rows()
    batch = model.probabilities_up(rows)
    alone = np.concatenate([model.probabilities_up(row[None, :]) for row in rows])
    assert batch.tobytes() == alone.tobytes()


def test_training_twice_gives_the_same_bytes(trees):
    rows, is_up = training_rows()
    again = fit(rows, is_up, feature_names=NAMES, parameters=PARAMETERS)
    assert sha256(again.onnx()) == sha256(trees.onnx())
    assert sha256(again.native()) == sha256(trees.native())


def test_another_process_gives_the_same_bytes(trees):
    code = (
        "from tests.unit.trainers.test_models import NAMES, PARAMETERS, training_rows\n"
        "from schemas.artifacts import sha256\n"
        "from trainers.models.gradient_boosting import fit\n"
        "rows, is_up = training_rows()\n"
        "print(sha256(fit(rows, is_up, feature_names=NAMES, parameters=PARAMETERS).onnx()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sha256(trees.onnx())


def test_another_seed_gives_another_model(trees):
    rows, is_up = training_rows()
    other = fit(rows, is_up, feature_names=NAMES, parameters=msgspec.structs.replace(PARAMETERS, seed=1))
    assert other.onnx() != trees.onnx()


def test_the_export_agrees_with_the_native_model_where_features_are_undefined_too(trees):
    rows, _ = training_rows(n=5_000, seed=2)
    rows[:10] = np.nan
    assert trees.export(rows).largest_difference <= 2e-6


@pytest.mark.parametrize("wrong", [0.500003, np.nan])
def test_an_export_that_says_something_else_is_refused(wrong):
    native = np.array([0.5, 0.4], dtype=np.float32)
    with pytest.raises(ValueError, match="agree"):
        largest_difference(exported=np.array([wrong, 0.4], dtype=np.float32), native=native)


def test_the_bytes_name_their_columns(model):
    assert model.feature_names == NAMES


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x08\x08" * 50])
def test_bytes_that_are_no_model_are_a_broken_state(data):
    with pytest.raises(StateError):
        OnnxModel.from_bytes(data)


def test_half_a_model_is_a_broken_state(trees):
    data = trees.onnx()
    with pytest.raises(StateError):
        OnnxModel.from_bytes(data[: len(data) // 2])


def test_rows_of_one_class_give_a_model_that_says_so():
    rows, _ = training_rows()
    certain = fit(rows, np.ones(len(rows), bool), feature_names=NAMES, parameters=PARAMETERS).export(rows)
    assert (OnnxModel.from_bytes(certain.onnx).probabilities_up(rows) > 0.7).all()


def test_a_missing_feature_is_not_guessed(model):
    with pytest.raises(KeyError):
        model.probability_up({"a": 1.0, "b": 1.0})


def test_a_version_is_loaded_ready_to_predict(trees):
    registry = InMemoryRegistry()
    data = trees.onnx()
    manifest = manifest_of(data, feature_names=NAMES)
    registry.publish(manifest, {MODEL_FILE: data})
    loaded, ready = load_onnx(registry, manifest.version)
    assert loaded == manifest
    assert ready.model_hash == manifest.model_hash


def test_a_manifest_with_other_columns_than_its_model_is_refused(trees):
    registry = InMemoryRegistry()
    data = trees.onnx()
    manifest = manifest_of(data, feature_names=("b", "a", "c"))
    registry.publish(manifest, {MODEL_FILE: data})
    with pytest.raises(StateError, match="columns"):
        load_onnx(registry, manifest.version)


def predictions_of(model):
    return [
        decide(model, features_of(event_time_ms=t, values={"a": a, "b": 0.0, "c": 0.0}), promoted_of(model))
        for t, a in ((1, 0.1), (2, -0.7), (3, 0.9))
    ]


def test_the_parity_hash_forgets_the_order_of_arrival_and_the_stream(model):
    made = predictions_of(model)
    replayed = [msgspec.structs.replace(p, stream="replay-2", known_time_ms=7) for p in reversed(made)]
    assert parity_hash(replayed) == parity_hash(made)


@pytest.mark.parametrize(
    "change", [{"event_time_ms": 9}, {"model_hash": "0"}, {"horizon": Interval.ONE_DAY}, {"instrument": "E"}]
)
def test_the_parity_hash_notices_a_change(model, change):
    made = predictions_of(model)
    assert parity_hash([msgspec.structs.replace(made[0], **change), *made[1:]]) != parity_hash(made)


def test_the_parity_hash_notices_the_last_bit_and_a_repeat(model):
    made = predictions_of(model)
    next_up = float(np.nextafter(np.float32(made[0].probability_up), np.float32(1)))
    changed = msgspec.structs.replace(made[0], probability_up=next_up)
    assert len({parity_hash(made), parity_hash([changed, *made[1:]]), parity_hash([made[0], *made])}) == 3


def test_the_parity_hash_is_what_it_was():
    """Golden: a change of its definition makes every stored hash incomparable."""
    assert parity_hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_serving_imports_neither_xgboost_nor_scikit_learn_nor_pandas():
    code = (
        "import sys\n"
        "import trainers.models.decisions, trainers.models.parity, trainers.registry.models\n"
        "import trainers.registry.folders, trainers.evaluation.intervals\n"
        "print(sorted({'xgboost', 'sklearn', 'pandas', 'onnxmltools', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
