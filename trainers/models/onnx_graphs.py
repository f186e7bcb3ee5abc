"""Writes the ONNX graphs of this project node by node: trees, logistic functions, mixtures.

Stands apart because it alone imports ``onnx``, which serving does not need. Every graph takes
``features`` and returns ``probabilities`` (n, 2), so that several graphs can be put into one. Sums run
over the columns of a row and never over rows, so that a row alone and in a batch are equal to the bit.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trainers.models.onnx_models import FEATURE_NAMES, INPUT, OUTPUT, POLICY
from trainers.models.policies import Policy

_OPSET = 15
_ML_OPSET = 3
_IR_VERSION = 8
#: Probabilities are kept this far from 0 and 1 before their logit is taken.
LOGIT_MARGIN = 1e-6


class TreeNodes(NamedTuple):
    """The nodes of all trees, in parallel lists as ONNX needs them.

    A split sends a value that is at most the threshold to ``if_true``; a leaf has mode ``LEAF``.
    """

    tree: list[int]
    node: list[int]
    mode: list[str]
    feature: list[int]
    threshold: list[float]
    if_true: list[int]
    if_false: list[int]
    missing_is_true: list[int]
    leaf: list[float]


def trees_graph(nodes: TreeNodes, *, feature_names: Sequence[str]) -> bytes:
    """Returns a model whose logit is the sum of the leaves of its trees."""
    leaves = [i for i, mode in enumerate(nodes.mode) if mode == "LEAF"]
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["logit"],
        name="trees",
        domain="ai.onnx.ml",
        n_targets=1,
        post_transform="NONE",
        aggregate_function="SUM",
        nodes_treeids=nodes.tree,
        nodes_nodeids=nodes.node,
        nodes_featureids=nodes.feature,
        nodes_modes=nodes.mode,
        nodes_values=nodes.threshold,
        nodes_truenodeids=nodes.if_true,
        nodes_falsenodeids=nodes.if_false,
        nodes_missing_value_tracks_true=nodes.missing_is_true,
        nodes_hitrates=[1.0] * len(nodes.node),
        target_treeids=[nodes.tree[i] for i in leaves],
        target_nodeids=[nodes.node[i] for i in leaves],
        target_ids=[0] * len(leaves),
        target_weights=[nodes.leaf[i] for i in leaves],
    )
    return _model([ensemble, *_from_logit("logit")], [], feature_names=feature_names)


def logistic_graph(
    *,
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    cut: float,
    weights: NDArray[np.float64],
    intercept: float,
    feature_names: Sequence[str],
) -> bytes:
    """Returns a logistic regression with its imputation and scaling, in double precision.

    An undefined value counts as the centre; scaled values are cut at plus and minus ``cut``.

    Args:
        centre: Shape (k,), subtracted from each column.
        scale: Shape (k,), > 0, that each column is divided by.
        cut: Scaled values are cut at plus and minus this.
        weights: Shape (k,), the weights of the scaled columns.
        intercept: Added to the weighted sum.
        feature_names: The k columns in their order.
    """
    constants = [
        _constant("centre", centre),
        _constant("scale", scale),
        _constant("lowest", np.float64(-cut)),
        _constant("highest", np.float64(cut)),
        _constant("weights", weights),
        _constant("intercept", np.array([intercept])),
        _constant("columns", np.array([1], dtype=np.int64)),
    ]
    nodes = [
        helper.make_node("Cast", [INPUT], ["values"], to=TensorProto.DOUBLE),
        helper.make_node("IsNaN", ["values"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "centre", "values"], ["filled"]),
        helper.make_node("Sub", ["filled", "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "lowest", "highest"], ["cut"]),
        helper.make_node("Mul", ["cut", "weights"], ["terms"]),
        helper.make_node("ReduceSum", ["terms", "columns"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "intercept"], ["logit_double"]),
        helper.make_node("Cast", ["logit_double"], ["logit"], to=TensorProto.FLOAT),
        *_from_logit("logit"),
    ]
    return _model(nodes, constants, feature_names=feature_names)


def mixture_graph(
    members: Sequence[bytes],
    *,
    weights: Sequence[float],
    intercept: float,
    in_logits: bool,
    feature_names: Sequence[str],
) -> bytes:
    """Returns one graph of several: the weighted sum of their logits (or probabilities) plus an intercept.

    Args:
        members: Models of this form over the same columns.
        weights: The weight of each member.
        intercept: Added to the sum of logits; it must be 0 for probabilities.
        in_logits: True mixes logits; False mixes probabilities.
        feature_names: The columns.
    """
    nodes, constants = _shared_constants(intercept)
    terms = []
    for i, data in enumerate(members):
        prefix = f"member_{i}_"
        inner, inner_constants = _embedded(onnx.load_from_string(data).graph, prefix)
        nodes += inner
        constants += [*inner_constants, _constant(f"{prefix}mixing_weight", np.array([weights[i]]))]
        nodes += _member_term(prefix, in_logits=in_logits)
        terms.append(f"{prefix}mixing_term")
    nodes += [
        helper.make_node("Sum", terms, ["sum"]),
        helper.make_node("Add", ["sum", "intercept"], ["total"]),
        helper.make_node("Cast", ["total"], ["mixed"], to=TensorProto.FLOAT),
        *(_from_logit("mixed") if in_logits else _from_probability("mixed")),
    ]
    return _model(nodes, constants, feature_names=feature_names)


def with_policy(data: bytes, policy: Policy) -> bytes:
    """Returns the same model with a policy in its metadata; it replaces a policy that is there."""
    model = onnx.load_from_string(data)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    properties[POLICY] = msgspec.json.encode(policy).decode()
    del model.metadata_props[:]
    helper.set_model_props(model, properties)
    stated: bytes = model.SerializeToString(deterministic=True)
    return stated


def narrowed_graph(member: bytes, *, columns: Sequence[int], feature_names: Sequence[str]) -> bytes:
    """Returns a model of some of the columns as a model of all columns.

    Args:
        member: The model over these columns, in this order.
        columns: The places of these columns among ``feature_names``.
        feature_names: All columns.
    """
    prefix = "narrowed_"
    nodes, constants = _embedded(onnx.load_from_string(member).graph, prefix, fed_by="taken")
    return _model(
        [
            helper.make_node("Gather", [INPUT, "taken_columns"], ["taken"], axis=1),
            *nodes,
            helper.make_node("Identity", [prefix + OUTPUT], [OUTPUT]),
        ],
        [*constants, _constant("taken_columns", np.array(columns, dtype=np.int64))],
        feature_names=feature_names,
    )


def _shared_constants(intercept: float) -> tuple[list[Any], list[Any]]:
    return [], [
        _constant("intercept", np.array([intercept])),
        _constant("one_double", np.float64(1.0)),
        _constant("least", np.float64(LOGIT_MARGIN)),
        _constant("most", np.float64(1 - LOGIT_MARGIN)),
        _constant("up_column", np.array([1], dtype=np.int64)),
    ]


def _member_term(prefix: str, *, in_logits: bool) -> list[Any]:
    """The nodes from a member's probabilities to its weighted term of the sum."""

    def name(step: str) -> str:
        return f"{prefix}mixing_{step}"

    weight = name("weight")
    up = [
        helper.make_node("Gather", [prefix + OUTPUT, "up_column"], [name("up_float")], axis=1),
        helper.make_node("Cast", [name("up_float")], [name("up")], to=TensorProto.DOUBLE),
    ]
    if not in_logits:
        return [*up, helper.make_node("Mul", [name("up"), weight], [f"{prefix}mixing_term"])]
    return [
        *up,
        helper.make_node("Clip", [name("up"), "least", "most"], [name("clipped")]),
        helper.make_node("Sub", ["one_double", name("clipped")], [name("down")]),
        helper.make_node("Div", [name("clipped"), name("down")], [name("odds")]),
        helper.make_node("Log", [name("odds")], [name("logit")]),
        helper.make_node("Mul", [name("logit"), weight], [f"{prefix}mixing_term"]),
    ]


def _embedded(graph: Any, prefix: str, *, fed_by: str = INPUT) -> tuple[list[Any], list[Any]]:
    """The nodes and constants of a graph under new names; its input is renamed to ``fed_by``."""

    def renamed(names: Iterable[str]) -> list[str]:
        return [{"": "", INPUT: fed_by}.get(name, prefix + name) for name in names]

    nodes = []
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = prefix + node.name if node.name else ""
        copy.input[:] = renamed(node.input)
        copy.output[:] = renamed(node.output)
        nodes.append(copy)
    constants = []
    for constant in graph.initializer:
        tensor = onnx.TensorProto()
        tensor.CopyFrom(constant)
        tensor.name = prefix + constant.name
        constants.append(tensor)
    return nodes, constants


def _from_logit(logit: str) -> list[Any]:
    return [helper.make_node("Sigmoid", [logit], ["finished_up"]), *_from_probability("finished_up")]


def _from_probability(up: str) -> list[Any]:
    return [
        helper.make_node("Sub", ["finishing_one", up], ["finished_down"]),
        helper.make_node("Concat", ["finished_down", up], [OUTPUT], axis=1),
    ]


def _constant(name: str, value: Any) -> Any:
    return numpy_helper.from_array(np.asarray(value), name)


def _model(nodes: list[Any], constants: list[Any], *, feature_names: Sequence[str]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "driftline",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(feature_names)])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 2])],
        initializer=[*constants, _constant("finishing_one", np.float32(1.0))],
    )
    model = helper.make_model(
        graph,
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)],
        producer_name="driftline",
    )
    helper.set_model_props(model, {FEATURE_NAMES: msgspec.json.encode(tuple(feature_names)).decode()})
    data: bytes = model.SerializeToString(deterministic=True)
    return data
