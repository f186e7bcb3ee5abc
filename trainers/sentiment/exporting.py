"""Exports a network to the folder that scorers run from, and checks the export before anything is kept.

Torch's exporter by tracing is used, because the one that is newer asks for a further package (onnxscript) and gives the same
graph for encoders. A traced graph is right only if no length or batch of the example stayed in it, so the graph is
compared with torch on texts of other lengths and in batches of other sizes.
"""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

from schemas.errors import ConfigurationError
from stream_processors.sentiment.folders import TOKENIZER, EncoderCard, Precision, SelfTest, write_card
from trainers.sentiment.fine_tuning import logits_of, softmax, tokenised
from trainers.sentiment.self_tests import SELF_TEST_TEXTS

#: The largest difference of a probability between torch and the exported graph, both in fp32.
EXPORT_TOLERANCE = 1e-4
#: The largest difference of a probability between int8 and fp32, on the texts of the self-test.
INT8_TOLERANCE = 0.05
_INPUTS = ["input_ids", "attention_mask"]
_OPSET = 17


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        folder: Where it lies.
        export_difference: The largest difference of a probability between torch and ONNX.
        int8_difference: The same between int8 and fp32; above the tolerance, scorers use fp32.
        bytes_by_file: How large each file is.
    """

    folder: Path
    export_difference: float
    int8_difference: float
    bytes_by_file: dict[str, int]


class ToExport(NamedTuple):
    """What is exported.

    Attributes:
        network: Gives logits from ids and a mask.
        tokenizer: Its fast tokenizer.
        labels: The labels by the index of the logits.
        max_length: The most tokens of a text.
        card: The model card: what the model was made of, and how good it is.
    """

    network: Any
    tokenizer: Any
    labels: Sequence[str]
    max_length: int
    card: dict[str, Any]


class OnlyLogits(torch.nn.Module):  # type: ignore[misc] # torch is not installed where types are checked
    """A classification model of transformers that gives its logits alone."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        """The logits of each text."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export(given: ToExport, folder: Path) -> Exported:
    """Write ``model.onnx``, ``model_int8.onnx``, ``tokenizer.json`` and ``scorer.json``; all of them or none.

    Args:
        given: What is exported.
        folder: Where to; an older export there is replaced when the new one is whole.

    Raises:
        ConfigurationError: If the graph does not give what torch gives, or the folder cannot be written.
    """
    given.network.eval()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as made:
            unfinished = Path(made) / "scorer"
            unfinished.mkdir()
            exported = _written(given, unfinished)
            if folder.exists():
                shutil.rmtree(folder)
            unfinished.replace(folder)
    except OSError as error:
        message = f"--out must be a folder that can be written, was {folder}: {error}"
        raise ConfigurationError(message) from error
    return exported._replace(folder=folder)


def _written(given: ToExport, folder: Path) -> Exported:
    graph = folder / Precision.FP32.file_name
    expected = softmax(
        logits_of(given.network, tokenised(given.tokenizer, SELF_TEST_TEXTS, given.max_length))
    )
    _export_graph(given, graph)
    found = onnx_probabilities(graph, given.tokenizer, SELF_TEST_TEXTS, given.max_length)
    difference = float(np.abs(found - expected).max())
    if not difference <= EXPORT_TOLERANCE:
        message = f"the exported graph must give what torch gives within {EXPORT_TOLERANCE:g}, differs by {difference:g}"
        raise ConfigurationError(message)
    int8 = folder / Precision.INT8.file_name
    _quantise(graph, int8)
    of_int8 = onnx_probabilities(int8, given.tokenizer, SELF_TEST_TEXTS, given.max_length)
    given.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    write_card(folder, _card(given, found, difference))
    return Exported(
        folder,
        difference,
        float(np.abs(of_int8 - found).max()),
        {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    )


def _quantise(graph: Path, int8: Path) -> None:
    """Int8 weights by channel, with activations quantised as they come."""
    logging.disable(logging.WARNING)  # it advises a step that these graphs do not need
    try:
        quantize_dynamic(graph, int8, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        logging.disable(logging.NOTSET)


def _card(given: ToExport, probabilities: NDArray[np.float64], difference: float) -> EncoderCard:
    return EncoderCard(
        labels=tuple(given.labels),
        max_length=given.max_length,
        precision=Precision.INT8,
        self_test=tuple(
            SelfTest(text, tuple(map(float, row)))
            for text, row in zip(SELF_TEST_TEXTS, probabilities, strict=True)
        ),
        tolerance=INT8_TOLERANCE,
        card=given.card | {"largest_difference_of_onnx_and_torch": difference},
    )


def _export_graph(given: ToExport, path: Path) -> None:
    tokens = tokenised(given.tokenizer, SELF_TEST_TEXTS[:2], given.max_length)
    longest = max(map(len, tokens.ids))
    ids = torch.tensor([[*row, *[tokens.padding] * (longest - len(row))] for row in tokens.ids])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens.ids])
    by_axis = {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing; what it could break is compared below
        torch.onnx.export(
            given.network,
            (ids, mask),
            str(path),
            input_names=_INPUTS,
            output_names=["logits"],
            dynamic_axes={**dict.fromkeys(_INPUTS, by_axis), "logits": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def onnx_probabilities(
    graph: Path, tokenizer: Any, texts: Sequence[str], max_length: int
) -> NDArray[np.float64]:
    """The probabilities that an exported graph gives, each text alone, shape (n, labels).

    Args:
        graph: The file.
        tokenizer: The tokenizer of the model.
        texts: n texts.
        max_length: The most tokens of a text.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    rows = [_logits(session, ids) for ids in tokenised(tokenizer, texts, max_length).ids]
    return softmax(np.concatenate(rows).astype(np.float64))


def _logits(session: Any, ids: Sequence[int]) -> NDArray[np.float32]:
    row = np.array([ids], dtype=np.int64)
    logits: NDArray[np.float32] = session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row)})[
        0
    ]
    return logits
