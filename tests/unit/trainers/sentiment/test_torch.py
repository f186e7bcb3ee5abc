"""Fine-tuning and export, end to end, with small encoders that the tests make: `make test-sentiment` runs them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.ports import PreparedText
from trainers.commands import commands

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

WORDS = [
    "bitcoin",
    "ether",
    "price",
    "market",
    "rises",
    "falls",
    "stays",
    "gains",
    "drops",
    "waits",
    "today",
    "again",
    "since",
    "monday",
    "the",
    "a",
    "of",
]
LABELS = {0: "positive", 1: "negative", 2: "neutral"}


def run(*words):
    result = CliRunner().invoke(commands, ["sentiment", *map(str, words)], obj={})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def tokenizer_in(folder):
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = [
        f"{prefix}{letter}"
        for letter in "abcdefghijklmnopqrstuvwxyz0123456789$.,?!%"
        for prefix in ("", "##")
    ]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)) + "\n")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)


def small_config(**more):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        **more,
    )


def small_classifier(folder, labels=LABELS):
    """A randomly initialised BERT with large weights, so that its probabilities differ from text to text."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    config = small_config(
        initializer_range=0.5, id2label=labels, label2id={name: index for index, name in labels.items()}
    )
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer_in(folder)
    return folder


@pytest.fixture
def classifier(tmp_path):
    return small_classifier(tmp_path / "classifier")


@pytest.fixture
def encoder(tmp_path):
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    BertModel(small_config()).save_pretrained(tmp_path / "encoder")
    tokenizer_in(tmp_path / "encoder")
    return tmp_path / "encoder"


def labelled_file(tmp_path, n=240):
    generator = np.random.default_rng(1)
    verbs = {"bearish": ("falls", "drops"), "neutral": ("stays", "waits"), "bullish": ("rises", "gains")}
    rows = ["headline,sentiment"]
    for _ in range(n):
        label = generator.choice(list(verbs))
        rest = " ".join(generator.choice(WORDS[-7:], 4))
        rows.append(f"{generator.choice(WORDS[:4])} {generator.choice(verbs[label])} {rest},{label}")
    path = tmp_path / "labelled.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_an_exported_model_scores_what_transformers_scores(tmp_path, classifier):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    run("export", "--model", classifier, "--out", tmp_path / "scorer")
    (tmp_path / "scorer" / "model_int8.onnx").unlink()
    scorer = open_encoder("finbert", tmp_path / "scorer").scorer
    texts = [f"{word} price rises since monday {'again ' * n}" for n, word in enumerate(WORDS[:8])]
    found = scorer.score([PreparedText(text) for text in texts])
    model, tokenizer = (
        kind.from_pretrained(classifier) for kind in (AutoModelForSequenceClassification, AutoTokenizer)
    )
    with torch.no_grad():
        logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    expected = torch.softmax(logits, 1).numpy()  # positive, negative, neutral
    stated = np.array([(each.positive, each.negative, each.neutral) for each in found])
    assert stated == pytest.approx(expected, abs=1e-4)
    assert np.ptp(expected[:, 0]) > 0.01, "the texts must differ for this to say anything"


def test_int8_passes_its_self_test_or_says_that_it_did_not(tmp_path, classifier):
    run("export", "--model", classifier, "--out", tmp_path / "scorer")
    opened = open_encoder("finbert", tmp_path / "scorer")
    score = opened.scorer.score([PreparedText("bitcoin rises today")])[0]
    assert score.negative + score.neutral + score.positive == pytest.approx(1)


def test_an_export_states_its_labels_its_self_test_and_its_card(tmp_path, classifier):
    run("export", "--model", classifier, "--out", tmp_path / "scorer", "--max-length", "32")
    stated = json.loads((tmp_path / "scorer" / "scorer.json").read_text())
    assert stated["labels"] == ["positive", "negative", "neutral"]
    assert stated["max_length"] == 32
    assert len(stated["self_test"]) > 8
    assert stated["card"]["largest_difference_of_onnx_and_torch"] < 1e-4


def test_labels_that_say_nothing_are_refused(tmp_path):
    folder = small_classifier(tmp_path / "unnamed", {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})
    with pytest.raises(ConfigurationError, match="id2label"):
        run("export", "--model", folder, "--out", tmp_path / "scorer")
    assert not (tmp_path / "scorer").exists()


def test_labels_of_something_else_are_refused(tmp_path):
    folder = small_classifier(tmp_path / "other", {0: "joy", 1: "anger", 2: "neutral"})
    with pytest.raises(ConfigurationError, match="joy"):
        run("export", "--model", folder, "--out", tmp_path / "scorer")


def test_a_model_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigurationError, match="no-such/model"):
        run("export", "--model", "no-such/model", "--out", tmp_path / "scorer")


def test_training_learns_what_the_words_say_and_writes_a_scorer(tmp_path, encoder):
    out, card = tmp_path / "scorer", tmp_path / "card.json"
    words = (
        "--data",
        labelled_file(tmp_path),
        "--base",
        encoder,
        "--folds",
        3,
        "--epochs",
        8,
        "--rate",
        3e-3,
    )
    said = run("train", *words, "--out", out, "--json", card)
    figures = json.loads(card.read_text())
    assert figures["out_of_fold"]["accuracy"]["low"] > 0.6, figures
    assert "must not be" in said or "nothing trained on it may be shipped" in said
    scorer = open_encoder("encoder", out).scorer
    rising, falling = scorer.score([PreparedText("bitcoin rises today"), PreparedText("ether falls today")])
    assert rising.score > falling.score


def test_a_seed_gives_the_same_figures_again(tmp_path, encoder):
    cards = []
    for turn in range(2):
        card = tmp_path / f"{turn}.json"
        run(
            "train",
            "--data",
            labelled_file(tmp_path, 60),
            "--base",
            encoder,
            "--folds",
            2,
            "--epochs",
            1,
            "--json",
            card,
        )
        cards.append(json.loads(card.read_text()))
    assert cards[0] == cards[1]


def test_the_weights_of_minilm_come_with_their_package():
    from trainers.sentiment.networks import base_folder, load_network

    network = load_network(base_folder(None))
    assert network.encoder.config.num_hidden_layers == 6
    assert not network.encoder.get_input_embeddings().weight.requires_grad
