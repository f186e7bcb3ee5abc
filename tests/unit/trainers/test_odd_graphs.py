"""ONNX graphs of an odd form are refused when they are loaded, with what was expected and what was."""

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from schemas.artifacts import MODEL_FILE
from schemas.errors import InvariantError, StateError
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.backtests import ConstantModel
from tests.fakes.registries import InMemoryRegistry
from tests.unit.trainers.test_models import features_of, promoted_of
from trainers.jobs.promoting import AliasChange, promote
from trainers.models.decisions import decide
from trainers.models.onnx_models import OnnxModel
from trainers.registry.models import load_model

NAMES = ("a", "b", "c")
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64


def graph(
    answer=(0.4, 0.6),
    *,
    kind=FLOAT,
    output="probabilities",
    shape=("n", 2),
    width=3,
    takes=FLOAT,
    more_inputs=(),
    names=NAMES,
):
    """A graph that answers every row alike: a row of zeros times the features, plus the answer."""
    answers = np.asarray(answer)
    weights = np.zeros((width, max(1, answers.shape[-1] if answers.ndim else 1)))
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        helper.make_node("Cast", ["features"], ["cast"], to=FLOAT),
        helper.make_node("IsNaN", ["cast"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "cast"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["typed"], to=kind),
        helper.make_node("Add", ["typed", "answer"], [output]),
    ]
    made = helper.make_graph(
        nodes,
        "odd",
        [
            helper.make_tensor_value_info("features", takes, ["n", width]),
            *(helper.make_tensor_value_info(name, FLOAT, [1]) for name in more_inputs),
        ],
        [helper.make_tensor_value_info(output, kind, list(shape))],
        [
            numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(answers.astype(dtype), "answer"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    helper.set_model_props(model, {"feature_names": msgspec.json.encode(names).decode()})
    return model.SerializeToString()


def depending_on_its_neighbours():
    """A graph whose answer to a row depends on how many others there are."""
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["mean"], axes=[0, 1], keepdims=1),
        helper.make_node("IsNaN", ["mean"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "one"], ["up"]),
        helper.make_node("Sub", ["one", "up"], ["down"]),
        helper.make_node("Concat", ["down", "up"], ["row"], axis=1),
        helper.make_node("Shape", ["features"], ["shape"]),
        helper.make_node("Slice", ["shape", "begin", "end"], ["n"]),
        helper.make_node("Concat", ["n", "two"], ["wanted"], axis=0),
        helper.make_node("Expand", ["row", "wanted"], ["probabilities"]),
    ]
    constants = {"zero": np.zeros((1, 1), np.float32), "one": np.ones((1, 1), np.float32)}
    places = {"begin": np.array([0]), "end": np.array([1]), "two": np.array([2])}
    made = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("features", FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("probabilities", FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in (constants | places).items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    helper.set_model_props(model, {"feature_names": msgspec.json.encode(NAMES).decode()})
    return model.SerializeToString()


ODD = {
    "a probability of seven": (graph((-6.0, 7.0)), "within 0 and 1 and add up to 1, were -6 and 7"),
    "sevens": (graph((7.0, 7.0)), "were 7 and 7"),
    "parts that are not a whole": (graph((0.3, 0.3)), "were 0.3 and 0.3"),
    "undefined": (graph((np.nan, np.nan)), "were nan and nan"),
    "one column": (
        graph((0.6,), shape=("n", 1)),
        r"of shape \(11, 2\), down and up, were float32 of shape \(11, 1\)",
    ),
    "three columns": (graph((0.2, 0.2, 0.6), shape=("n", 3)), r"shape \(11, 3\)"),
    "one column declared as two": (graph((0.6,), shape=("n", "m")), r"shape \(11, 1\)"),
    "double precision": (graph(kind=DOUBLE), "both float32, was from .* to probabilities tensor.double"),
    "whole numbers": (graph((0, 1), kind=INT64), "to probabilities tensor.int64"),
    "another name": (graph(output="label"), "to probabilities of width 2, .* to label"),
    "a further input": (graph(more_inputs=("more",)), "was from features .*, more"),
    "an input of another type": (graph(takes=DOUBLE), "was from features tensor.double"),
    "another width": (graph(width=4), "of width 3 .* was from features .*4"),
    "rows that hang together": (depending_on_its_neighbours(), "a row alone as in a batch"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_graph_of_an_odd_form_is_refused_with_what_it_was(name):
    """A graph with a probability of 7, or with one column, loaded and served: only its names were looked at."""
    data, complaint = ODD[name]
    onnx.checker.check_model(onnx.load_from_string(data))
    with pytest.raises(StateError, match=complaint):
        OnnxModel.from_bytes(data)


def test_a_graph_of_the_right_form_loads():
    assert OnnxModel.from_bytes(graph()).probability_up({"a": 1.0, "b": None, "c": 2.0}) == np.float32(0.6)


def test_a_graph_whose_evidence_is_no_share_is_refused():
    model = onnx.load_from_string(graph())
    share = {"value": 7.0, "low": None, "high": None, "n": 50}
    row = {"target": 1.0, "least_confidence": 0.5, "coverage": 1.0, "at_close": share, "late": {}}
    stated = {"bar_s": 900, "picks_from": None, "evidence": [row], "limits": None}
    texts = {"feature_names": NAMES, "policy": stated}
    helper.set_model_props(model, {name: msgspec.json.encode(text).decode() for name, text in texts.items()})
    with pytest.raises(StateError, match="within 0 and 1, one was 7"):
        OnnxModel.from_bytes(model.SerializeToString())


def test_a_graph_of_an_odd_form_is_not_promoted_and_the_champion_goes_on():
    registry = InMemoryRegistry()
    good, odd = (
        manifest_of(data, version=version, feature_names=NAMES)
        for version, data in (("good", graph()), ("odd", graph((-6.0, 7.0))))
    )
    registry.publish(good, {MODEL_FILE: graph()})
    registry.publish(odd, {MODEL_FILE: graph((-6.0, 7.0))})
    registry.promote(entry_of(good))
    announced = []
    change = AliasChange("champion", "replay-1", 10, 10, "a try")
    with pytest.raises(StateError, match="were -6 and 7"):
        promote(registry, "odd", change, announce=announced.append)
    assert announced == []
    assert registry.resolve("champion", TARGET, stream="replay-1").version == "good"
    assert load_model(registry, "good")[0] == good


@pytest.mark.parametrize("said", [7.0, -0.1, np.nan, np.inf])
def test_what_is_no_probability_never_becomes_a_prediction(said):
    """Whatever model says it, of whichever form its files are."""
    model = ConstantModel(said)
    with pytest.raises(InvariantError, match="must state a probability within 0 and 1"):
        decide(model, features_of(), promoted_of(model))
