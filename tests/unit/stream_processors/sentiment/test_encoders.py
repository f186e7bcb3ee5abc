"""Encoders that run from a folder: labels, lengths, the self-test and what is missing."""

from pathlib import Path

import msgspec
import pytest

from schemas.errors import ConfigurationError
from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.encoding import EncoderRun
from stream_processors.sentiment.folders import CARD, TOKENIZER, Precision, order_of
from stream_processors.sentiment.opening import open_scorers
from stream_processors.sentiment.ports import Label, PreparedText
from tests.fixtures.tiny_encoders import write_tiny_encoder

RALLY, HACK = PreparedText("Bitcoin rally"), PreparedText("Bitcoin hack")


def opened(folder: Path):
    return open_scorers({"DRIFTLINE_SCORERS": "encoder", "DRIFTLINE_SCORER_ENCODER": str(folder)})


def change_card(folder: Path, **changes) -> None:
    card = msgspec.json.decode((folder / CARD).read_bytes())
    (folder / CARD).write_bytes(msgspec.json.encode({**card, **changes}))


def test_encoder_scores_by_its_own_labels(tmp_path: Path) -> None:
    usual = open_encoder("encoder", write_tiny_encoder(tmp_path / "usual")).scorer
    order = ("positive", "negative", "neutral")
    other = open_encoder("encoder", write_tiny_encoder(tmp_path / "other", labels=order)).scorer
    assert usual.score([RALLY, HACK]) == other.score([RALLY, HACK])
    assert usual.id != other.id
    rally, hack = usual.score([RALLY, HACK])
    assert rally.score > 0.5 > -0.5 > hack.score
    assert (usual.label(rally), usual.label(hack)) == (Label.POSITIVE, Label.NEGATIVE)
    assert rally.negative + rally.neutral + rally.positive == pytest.approx(1, abs=2e-6)


def test_labels_of_models_about_markets_are_known() -> None:
    assert order_of(["Bearish", "Bullish", "Neutral"]) == (0, 2, 1)


@pytest.mark.parametrize(
    "labels",
    [("LABEL_0", "LABEL_1", "LABEL_2"), ("negative", "positive"), ("negative", "bearish", "positive"), ()],
)
def test_labels_that_do_not_say_what_they_mean_are_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    change_card(folder, labels=labels)
    (found,) = opened(folder).unavailable
    assert "labels negative, neutral and positive" in found.sentence
    assert all(label in found.sentence for label in labels)


def test_same_folder_has_the_same_hash_and_any_part_changes_it(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", int8_error=0.001)
    before = open_encoder("encoder", folder).scorer.id
    assert open_encoder("encoder", folder).scorer.id == before
    change_card(folder, card={"for": "people"})
    assert open_encoder("encoder", folder).scorer.id == before
    change_card(folder, max_length=12)
    shorter = open_encoder("encoder", folder).scorer.id
    change_card(folder, max_length=16, precision="int8")
    assert len({before, shorter, open_encoder("encoder", folder).scorer.id}) == 3


def test_good_int8_weights_run(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", precision=Precision.INT8, int8_error=0.01)
    found = opened(folder)
    assert len(found.scorers) == 1
    assert (found.unavailable, found.notes) == ((), ())


def test_int8_weights_that_fail_the_self_test_are_replaced_and_announced(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", precision=Precision.INT8, int8_error=0.9)
    found = opened(folder)
    ((name, note),) = found.notes
    assert name == "encoder"
    assert "fp32 weights are" in note
    assert "differ from the stored fp32 probabilities" in note
    change_card(folder, precision="fp32")
    assert found.scorers[0].id == opened(folder).scorers[0].id


def test_int8_weights_that_fail_without_fp32_are_unavailable(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", precision=Precision.INT8, int8_error=0.9)
    (folder / Precision.FP32.file_name).unlink()
    found = opened(folder)
    assert not found.scorers
    assert "to fall back to" in found.unavailable[0].sentence


def test_int8_weights_without_a_self_test_are_not_trusted(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", precision=Precision.INT8, int8_error=0.0)
    change_card(folder, self_test=[])
    assert "states no self-test" in opened(folder).notes[0][1]


def test_other_fp32_weights_than_those_of_the_card_are_unavailable(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder", int8_error=0.5)
    (folder / Precision.INT8.file_name).replace(folder / Precision.FP32.file_name)
    assert "fp32 weights differ" in opened(folder).unavailable[0].sentence


def test_weights_that_do_not_take_the_longest_text_are_unavailable(tmp_path: Path) -> None:
    """The texts of the self-test are short, so every long text was refused later, one by one."""
    folder = write_tiny_encoder(tmp_path / "encoder", max_length=16, positions=15)
    (found,) = opened(folder).unavailable
    assert "max_length = 16" in found.sentence
    assert "--max-length" in found.sentence
    change_card(folder, max_length=15)
    assert opened(folder).scorers


def test_card_of_endless_depth_is_unavailable(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    (folder / CARD).write_text('{"card":{"a":' + "[" * 100_000)
    assert "cannot be read as the card" in opened(folder).unavailable[0].sentence


@pytest.mark.parametrize("missing", [CARD, TOKENIZER, Precision.FP32.file_name])
def test_missing_files_are_named_in_one_line(tmp_path: Path, missing: str) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    (folder / missing).unlink()
    (found,) = opened(folder).unavailable
    assert missing in found.sentence
    assert "\n" not in found.sentence


@pytest.mark.parametrize("spoilt", [CARD, TOKENIZER, Precision.FP32.file_name])
def test_files_that_are_none_of_their_kind_make_it_unavailable(tmp_path: Path, spoilt: str) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    (folder / spoilt).write_bytes(b"\xff<html>not found</html>")
    (found,) = opened(folder).unavailable
    assert spoilt in found.sentence
    assert len(found.sentence) <= 500


def test_folder_that_is_not_set_or_not_there_is_said_and_the_others_run(tmp_path: Path) -> None:
    names = {"DRIFTLINE_SCORERS": "vader,finbert,encoder", "DRIFTLINE_SCORER_ENCODER": str(tmp_path / "none")}
    found = open_scorers(names)
    assert [scorer.id.name for scorer in found.scorers] == ["vader"]
    assert [each.name for each in found.unavailable] == ["finbert", "encoder"]
    assert "DRIFTLINE_SCORER_FINBERT" in found.unavailable[0].sentence


def test_malformed_name_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="DRIFTLINE_SCORERS"):
        open_scorers({"DRIFTLINE_SCORERS": "Vader!"})


def test_text_is_cut_at_a_sentence_and_its_title_stays(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    run = EncoderRun(folder / Precision.FP32.file_name, folder / TOKENIZER, max_length=12)
    text = PreparedText("bitcoin rally", ("gain gain gain .", "loss loss loss .", "hack"))
    assert run.tokens(text).tokens == [
        "[CLS]",
        "bitcoin",
        "rally",
        *["gain"] * 3,
        ".",
        *["loss"] * 3,
        ".",
        "[SEP]",
    ]
    longer = PreparedText("bitcoin rally", ("gain gain gain .", "loss loss loss loss loss ."))
    assert run.tokens(longer).tokens == ["[CLS]", "bitcoin", "rally", *["gain"] * 3, ".", "[SEP]"]


def test_title_that_is_too_long_itself_is_cut_at_a_token(tmp_path: Path) -> None:
    folder = write_tiny_encoder(tmp_path / "encoder")
    run = EncoderRun(folder / Precision.FP32.file_name, folder / TOKENIZER, max_length=8)
    assert run.tokens(PreparedText("rally " * 500, ("hack",))).tokens == ["[CLS]", *["rally"] * 6, "[SEP]"]
