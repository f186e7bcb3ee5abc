"""What labels of other people's files mean, and which ones are refused."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas.errors import ConfigurationError
from trainers.sentiment.labelled import Columns, read_labelled
from trainers.sentiment.labels import NEGATIVE, NEUTRAL, POSITIVE, parse_mapping, read_labels

TEXTS = ("Bitcoin falls, again", "Bitcoin stays", "Bitcoin rises")


def written(tmp_path, name, content):
    path = tmp_path / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def is_as_meant(read):
    return read.texts == TEXTS and read.labels.tolist() == [NEGATIVE, NEUTRAL, POSITIVE]


@pytest.mark.parametrize(
    "written_labels",
    [
        ("Negative", " neutral", "POSITIVE"),
        ("bearish", "Neutral", "bullish"),
        ("Somewhat-Bearish", "neutral", "somewhat_bullish"),
        ("-1", "0", "1"),
        ("-1.0", "0.0", "1.0"),
        ("-0.6", "0.01", "0.05"),
    ],
)
def test_words_signs_and_scores_are_recognised(written_labels):
    assert read_labels(written_labels, "a.csv").labels.tolist() == [NEGATIVE, NEUTRAL, POSITIVE]


@pytest.mark.parametrize(
    "unclear", [("0", "1", "2"), ("0", "1"), ("1", "5"), ("good", "bad"), ("0.5", "7.5")]
)
def test_labels_without_a_certain_meaning_are_refused(unclear):
    with pytest.raises(ConfigurationError):
        read_labels(unclear, "a.csv")


def test_a_stated_mapping_is_used():
    mapping = parse_mapping("0=negative, 1=neutral ,2=bullish")
    assert read_labels(("0", "1", "2.0"), "a.csv", mapping).labels.tolist() == [NEGATIVE, NEUTRAL, POSITIVE]


def test_none_is_a_missing_label_unless_it_is_stated_to_be_neutral():
    with pytest.raises(ConfigurationError, match="no certain meaning: negative, none"):
        read_labels(("none", "negative"), "a.csv")
    mapping = parse_mapping("none=neutral,negative=negative")
    assert read_labels(("none", "negative"), "a.csv", mapping).labels.tolist() == [NEUTRAL, NEGATIVE]


def test_a_stated_mapping_leaves_files_alone_whose_labels_it_does_not_have():
    mapping = parse_mapping("0=negative,1=neutral,2=positive")
    assert read_labels(("-1", "0", "1"), "a.csv", mapping).labels.tolist() == [NEGATIVE, NEUTRAL, POSITIVE]


@pytest.mark.parametrize("wrong", ["0", "0=good", "0:negative"])
def test_a_mapping_of_another_form_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        parse_mapping(wrong)


def test_the_numbers_of_a_published_set_mean_what_its_authors_say():
    read = read_labels(("0", "1", "2"), "twitter_financial_news_sentiment_valid.csv.gz")
    assert read.labels.tolist() == [NEGATIVE, POSITIVE, NEUTRAL]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"Bitcoin falls, again",negative\nBitcoin stays,neutral\nBitcoin rises,positive\n'),
        ("a.csv.gz", 'id,Headline,Sentiment\n1,"Bitcoin falls, again",-1\n2,Bitcoin stays,0\n3,Bitcoin rises,1\n'),
        ("a.tsv", "label\ttitle\nbearish\tBitcoin falls, again\nneutral\tBitcoin stays\nbullish\tBitcoin rises\n"),
        ("all-data.csv", 'negative,"Bitcoin falls, again"\nneutral,"Bitcoin stays"\npositive,"Bitcoin rises"\n'),
        ("a.txt", "Bitcoin falls, again@negative\nBitcoin stays@neutral\nBitcoin rises@positive\n"),
        ("a.jsonl", "\n".join(json.dumps({"t": t, "label": s}) for t, s in zip(TEXTS, (-1, 0, 1), strict=True))),
        (
            "a.json.gz",
            json.dumps(
                {
                    str(i): {"sentence": t, "info": [{"sentiment_score": s}, {"sentiment_score": s}]}
                    for i, (t, s) in enumerate(zip(TEXTS, ("-0.5", "0.01", "0.3"), strict=True))
                }
            ),
        ),
        ("a.json", json.dumps({"data": [{"tweet": t, "score": s} for t, s in zip(TEXTS, (-0.5, 0.0, 0.9), strict=True)]})),
    ],
)  # fmt: skip
def test_files_of_many_forms_are_read(tmp_path, name, content):
    assert is_as_meant(read_labelled(written(tmp_path, name, content)))


def test_parquet_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"sentence": list(TEXTS), "label": [-1.0, 0.0, 1.0]}), path)
    assert is_as_meant(read_labelled(path))


def test_a_file_that_is_not_of_unicode_is_read(tmp_path):
    path = written(tmp_path, "a.csv", "text,label\nGewinn für alle,positive\n".encode("cp1252"))
    assert read_labelled(path).texts == ("Gewinn für alle",)


def test_rows_without_text_or_label_are_counted(tmp_path):
    path = written(tmp_path, "a.csv", "text,label\nBitcoin rises,positive\n,negative\nBitcoin falls,\n")
    assert read_labelled(path).n_left_out == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_file_of_another_unicode_encoding_is_read(tmp_path, encoding):
    path = written(tmp_path, "a.csv", "text,label\nBitcoin rises,positive\n".encode(encoding))
    assert read_labelled(path).texts == ("Bitcoin rises",)


def test_a_row_with_more_cells_than_columns_is_counted_and_not_cut(tmp_path):
    """The text was "Bitcoin falls", which is the contrary of what the file says."""
    content = "label,text\npositive,Bitcoin falls, then rises\nnegative,Bitcoin falls,\n"
    read = read_labelled(written(tmp_path, "a.csv", content))
    assert (read.texts, read.n_left_out) == (("Bitcoin falls",), 1)


def test_a_quote_that_is_never_closed_is_refused_and_swallows_nothing(tmp_path):
    """All rows after it were one cell, and counted as one row that was left out."""
    rows = "".join(f"Bitcoin rises {i},positive\n" for i in range(9))
    content = f'text,label\n{rows}"Bitcoin,negative\n{rows}'
    with pytest.raises(ConfigurationError, match="a quote that is never closed, in row 11"):
        read_labelled(written(tmp_path, "a.csv", content))


def test_quotes_between_tabs_may_stand_alone(tmp_path):
    content = 'text\tlabel\n"Bitcoin rises\tpositive\nBitcoin falls\tnegative\n'
    assert read_labelled(written(tmp_path, "a.tsv", content)).texts == ('"Bitcoin rises', "Bitcoin falls")


def test_named_columns_are_taken(tmp_path):
    path = written(tmp_path, "a.csv", "text,other,label,mine\nno,Bitcoin rises,7,positive\n")
    assert read_labelled(path, Columns("other", "mine")).texts == ("Bitcoin rises",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ""),
        ("a.csv", "text,label\n"),
        ("a.csv", "a,b\nc,d\n"),
        ("a.csv", "[1, 2]"),
        ("a.csv", "{broken"),
        ("a.csv", "text,label\nx,0\ny,1\nz,2\n"),
        ("a.csv", f"text,label\n{'x' * 10_000_001},positive\n"),
        ("a.json", "5"),
        ("a.json", "[" * 100_000),
        ("a.csv.gz", gzip.compress(b"text,label\nx,positive\n")[:12] + b"no longer compressed"),
    ],
)
def test_a_file_that_says_nothing_certain_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigurationError):
        read_labelled(path)


def test_a_missing_column_is_named(tmp_path):
    path = written(tmp_path, "a.csv", "text,label\nBitcoin rises,positive\n")
    with pytest.raises(ConfigurationError, match="--text"):
        read_labelled(path, Columns("headline", None))


@pytest.mark.recorded
def test_the_recorded_sets_are_read_with_the_counts_of_their_authors(recorded_data):
    counts = {
        "financial_phrasebank_50agree.csv.gz": [604, 2879, 1363],
        "cryptolin_headlines.csv.gz": [197, 478, 678],
        "twitter_financial_news_sentiment_valid.csv.gz": [347, 1566, 475],
    }
    for name, expected in counts.items():
        read = read_labelled(recorded_data / "labelled" / name)
        assert np.bincount(read.labels).tolist() == expected
    assert len(read_labelled(recorded_data / "labelled" / "FiQA_post.json.gz").texts) == 675
