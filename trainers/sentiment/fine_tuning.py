"""Fine-tunes an encoder on labelled texts: AdamW with a warm-up, batches of texts of like lengths, fixed seeds.

The recipe is the same for every data set and every fold. It was chosen by what is usual for encoders of this size, and not
by looking at held-out folds.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.sentiment.networks import EncoderWithHead

#: Batches are cut from stretches of this many batches that are sorted by length, so little of a batch is padding.
_BATCHES_SORTED = 20
_JUDGED_TOGETHER = 64
Progress = Callable[[float, str], None]


class Recipe(NamedTuple):
    """How an encoder is fine-tuned.

    Attributes:
        n_epochs: Passes over the training rows.
        learning_rate: The highest rate, of the encoder; the new head learns ten times as fast.
        warm_up: The share of the steps in which the rate rises to it; it falls to zero afterwards.
        weight_decay: Of all weights but biases and norms.
        batch_size: Texts in a step.
        max_length: Tokens of a text; what is longer is cut.
        is_balanced: Whether a rare label weighs more, by the root of how rare it is.
        is_bf16: Whether products are made of 16-bit numbers, which halves the time on processors with ``avx512_bf16``.
        n_threads: Threads of torch.
    """

    n_epochs: int = 3
    learning_rate: float = 1e-4
    warm_up: float = 0.1
    weight_decay: float = 0.01
    batch_size: int = 16
    max_length: int = 64
    is_balanced: bool = True
    is_bf16: bool = False
    n_threads: int = 1


class Tokens(NamedTuple):
    """Tokenised texts: the ids of each, of its own length."""

    ids: tuple[tuple[int, ...], ...]
    padding: int

    def rows(self, chosen: NDArray[np.intp]) -> "Tokens":
        """Return the tokens of the texts in these rows."""
        return self._replace(ids=tuple(self.ids[row] for row in chosen))


def tokenised(tokenizer: Any, texts: Sequence[str], max_length: int) -> Tokens:
    """The tokens of texts, with the special tokens of the model.

    Args:
        tokenizer: A fast tokenizer of transformers.
        texts: The texts.
        max_length: The most tokens of a text, the special ones included.
    """
    ids = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return Tokens(tuple(map(tuple, ids)), tokenizer.pad_token_id or 0)


def fine_tune(
    network: EncoderWithHead,
    tokens: Tokens,
    labels: NDArray[np.int8],
    recipe: Recipe,
    *,
    seed: int,
    progress: Progress = lambda _share, _what: None,
) -> EncoderWithHead:
    """Fit a network in place, and return it ready to judge.

    Args:
        network: With the weights to begin with.
        tokens: n texts.
        labels: Shape (n,).
        recipe: How it is fitted.
        seed: The seed of the order of rows and of dropout.
        progress: Told the share that is done, and the loss.
    """
    torch.set_num_threads(recipe.n_threads)
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    n_steps = recipe.n_epochs * math.ceil(len(labels) / recipe.batch_size)
    optimiser = _optimiser(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rate(n_steps, recipe.warm_up))
    loss_of = torch.nn.CrossEntropyLoss(weight=_label_weights(labels, recipe))
    network.train()
    running, n_done = 0.0, 0
    for _epoch in range(recipe.n_epochs):
        for rows in _batches(tokens, generator, recipe.batch_size):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.is_bf16):
                logits = network(*_padded(tokens, rows))
            loss = loss_of(logits.float(), torch.from_numpy(labels[rows].astype(np.int64)))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            n_done += 1
            running += (float(loss.detach()) - running) / min(n_done, 50)
            progress(n_done / n_steps, f"loss {running:.3f}")
    network.eval()
    return network


def logits_of(network: Any, tokens: Tokens) -> NDArray[np.float64]:
    """The logits of each text, shape (n, labels); texts of like lengths are judged together."""
    order = np.argsort([len(ids) for ids in tokens.ids], kind="stable")
    found: list[NDArray[np.float64]] = []
    with torch.inference_mode():
        for start in range(0, len(order), _JUDGED_TOGETHER):
            logits = network(*_padded(tokens, order[start : start + _JUDGED_TOGETHER]))
            found.append(logits.numpy().astype(np.float64))
    stacked = np.concatenate(found)
    result = np.empty_like(stacked)
    result[order] = stacked
    return result


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of logits, by row."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return probabilities


def _optimiser(network: EncoderWithHead, recipe: Recipe) -> Any:
    groups: dict[tuple[bool, bool], list[Any]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad and "pooler" not in name:
            groups.setdefault((name.startswith("head"), weight.ndim > 1), []).append(weight)
    return torch.optim.AdamW(
        [
            {
                "params": weights,
                "lr": recipe.learning_rate * (10 if is_head else 1),
                "weight_decay": recipe.weight_decay if is_matrix else 0.0,
            }
            for (is_head, is_matrix), weights in groups.items()
        ]
    )


def _rate(n_steps: int, warm_up: float) -> Callable[[int], float]:
    n_rising = max(1, int(warm_up * n_steps))
    return lambda step: min((step + 1) / n_rising, max(0.0, (n_steps - step) / max(1, n_steps - n_rising)))


def _label_weights(labels: NDArray[np.int8], recipe: Recipe) -> Any:
    if not recipe.is_balanced:
        return None
    counts = np.maximum(np.bincount(labels, minlength=3), 1)
    weights = np.sqrt(counts.sum() / (3 * counts))
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def _batches(tokens: Tokens, generator: np.random.Generator, size: int) -> Iterator[NDArray[np.intp]]:
    """Batches in a random order, each of texts of like lengths."""
    order = generator.permutation(len(tokens.ids))
    batches = []
    for start in range(0, len(order), size * _BATCHES_SORTED):
        stretch = order[start : start + size * _BATCHES_SORTED]
        by_length = stretch[np.argsort([len(tokens.ids[row]) for row in stretch], kind="stable")]
        batches += [by_length[at : at + size] for at in range(0, len(by_length), size)]
    for batch in generator.permutation(len(batches)):
        yield batches[batch]


def _padded(tokens: Tokens, rows: NDArray[np.intp]) -> tuple[Any, Any]:
    """The ids of rows and their mask, padded to the longest of them."""
    longest = max(len(tokens.ids[row]) for row in rows)
    ids = np.full((len(rows), longest), tokens.padding, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(tokens.ids[row])] = tokens.ids[row]
        mask[at, : len(tokens.ids[row])] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
