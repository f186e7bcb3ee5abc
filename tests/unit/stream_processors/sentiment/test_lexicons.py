"""The scorers by lexicon, and the finance and crypto lexicon."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.scorers import hash_of, parse_scorer
from stream_processors.sentiment.opening import open_scorers
from stream_processors.sentiment.polarity import open_textblob
from stream_processors.sentiment.ports import Label, PreparedText, Scorer
from stream_processors.sentiment.vader import finance_lexicon, open_vader, open_vader_plain


def labels(scorer: Scorer, titles: list[str]) -> list[Label]:
    return [scorer.label(each) for each in scorer.score([PreparedText(title) for title in titles])]


def test_default_is_vader_and_textblob() -> None:
    assert [scorer.id.name for scorer in open_scorers({}).scorers] == ["vader", "textblob"]


@pytest.mark.parametrize("open_one", [open_vader, open_vader_plain, open_textblob])
def test_id_is_the_same_every_time(open_one: Callable[[], Scorer]) -> None:
    found = open_one().id
    assert open_one().id == found
    assert parse_scorer(str(found)) == found


def test_hash_does_not_confuse_parts() -> None:
    assert hash_of({"a": b"1", "b": b"2"}) == hash_of([("b", b"2"), ("a", b"1")])
    assert hash_of({"a": b"1b", "b": b""}) != hash_of({"a": b"1", "b": b"b"})


def test_every_entry_of_the_lexicon_has_a_value_and_a_source() -> None:
    entries = finance_lexicon()
    assert len({entry.phrase for entry in entries}) == len(entries) > 900
    for entry in entries:
        assert -4 <= entry.value <= 4
        assert entry.source.endswith(("vocabulary", "neutral in finance"))
        assert entry.phrase == " ".join(entry.phrase.lower().split())


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Bitcoin hits new all-time high", Label.POSITIVE),
        ("Spot ETF approval lifts ether", Label.POSITIVE),
        ("Memecoin team accused of rug pull", Label.NEGATIVE),
        ("RUG PULL drains users", Label.NEGATIVE),
        ("Exchange to delist token", Label.NEGATIVE),
        ("Firm issues shares of trust", Label.NEUTRAL),
        ("SEC did not approve the fund", Label.NEGATIVE),
    ],
)
def test_finance_words_count(title: str, label: Label) -> None:
    assert labels(open_vader(), [title]) == [label]


def test_phrase_counts_as_one_word_and_negation_before_it_too() -> None:
    vader = open_vader()
    assert vader.polarity("a rug pull") == vader.polarity("a RUG-PULL".replace("-", " ").lower())
    assert vader.polarity("not a rug pull") > 0


def test_title_weighs_as_much_as_the_body() -> None:
    vader = open_vader_plain()
    title, one, two = (vader.polarity(text) for text in ("good", "bad", "terrible"))
    (found,) = vader.score([PreparedText("good", ("bad", "terrible"))])
    assert found.score == pytest.approx((title + (one + two) / 2) / 2, abs=1e-6)
    assert (found.negative, found.neutral, found.positive) == (None, None, None)


@pytest.mark.recorded
@pytest.mark.parametrize(("open_one", "accuracy"), [(open_vader_plain, 0.543), (open_textblob, 0.504)])
def test_published_accuracy_on_the_phrasebank_is_reproduced(
    recorded_data: Path, open_one: Callable[[], Scorer], accuracy: float
) -> None:
    with gzip.open(recorded_data / "labelled" / "financial_phrasebank_50agree.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    found = labels(open_one(), [row["sentence"] for row in rows])
    share = sum(row["label"] == label for row, label in zip(rows, found, strict=True)) / len(rows)
    assert share == pytest.approx(accuracy, abs=0.002)
