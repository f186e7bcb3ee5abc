"""Scorers compared on labelled texts, and what is written about them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from schemas.scorers import ScorerId
from stream_processors.sentiment.ports import Label, Refusal, Scored
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands
from trainers.sentiment.comparing import compared_on_labels, pairs_on
from trainers.sentiment.labelled import LabelledTexts
from trainers.sentiment.scoring import prepared_texts, scored_texts
from trainers.sentiment.showing import html_of


class WordScorer:
    """Takes texts with "rises" for positive and those with "falls" for negative, and is as sure as it is told to be."""

    def __init__(self, name="words", sure=0.8, wrong=()):
        self.id = ScorerId(name, "0123456789abcdef")
        self._sure = sure
        self._wrong = wrong

    def score(self, texts):
        return [self._scored(text.text) for text in texts]

    def _scored(self, text):
        index = 2 if "rises" in text else 0 if "falls" in text else 1
        if any(word in text for word in self._wrong):
            index = (index + 1) % 3
        rest = (1 - self._sure) / 2
        stated = [rest, rest, rest]
        stated[index] = self._sure
        return Scored(stated[2] - stated[0], *stated)

    def label(self, scored):
        stated = (scored.negative, scored.neutral, scored.positive)
        return list(Label)[stated.index(max(stated))]


def labelled(n=90):
    words = ("falls", "stays", "rises")
    return LabelledTexts(
        name="a",
        texts=tuple(f"Bitcoin {words[row % 3]} for the time number {row}" for row in range(n)),
        labels=(np.arange(n) % 3).astype(np.int8),
        mapping="words",
    )


def compared(*scorers, data=None):
    return compared_on_labels(
        scorers, [data or labelled()], seed=0, price_of_core_hour=0.04, progress=lambda _share, _what: None
    )


def test_a_scorer_that_is_right_has_an_accuracy_of_one():
    (figures,) = compared(WordScorer()).figures
    assert (figures.accuracy.value, figures.macro_f1.value) == (1, 1)
    assert figures.confusion == [[30, 0, 0, 0], [0, 30, 0, 0], [0, 0, 30, 0]]


def test_calibration_is_how_far_stated_and_true_shares_are_apart():
    (figures,) = compared(WordScorer(sure=0.8)).figures
    assert figures.calibration_error.value == pytest.approx(0.2)
    assert figures.brier.value == pytest.approx(0.2**2 + 2 * 0.1**2)


def test_a_pair_is_judged_on_the_same_texts():
    report = compared(WordScorer("first"), WordScorer("second", wrong=("falls",)))
    (pair,) = report.pairs
    assert pair.difference == pytest.approx(-1 / 3)
    assert not pair.is_noise
    assert pair.adjusted == pair.p_value  # there is one pair only


def test_equal_scorers_differ_by_chance_only():
    data = labelled()
    scored = scored_texts(WordScorer(), prepared_texts(data.texts))
    (pair,) = pairs_on(data, {"a@0": scored, "b@0": scored})
    assert pair.is_noise


def test_what_the_extension_of_the_lexicon_gains_is_said():
    report = compared(WordScorer("vader_plain", wrong=("falls",)), WordScorer("vader"))
    assert any("changes the accuracy of VADER by +33.3 points" in finding for finding in report.findings)


def test_refused_texts_are_counted_and_wrong():
    data = labelled(30)
    texts = [Refusal("It is empty."), *prepared_texts(data.texts[1:])]
    scored = scored_texts(WordScorer(), texts)
    assert scored.labels[0] == -1
    assert np.isnan(scored.scores[0])
    assert (scored.labels[1:] == data.labels[1:]).all()


def test_the_page_shows_every_scorer_and_no_markup_of_texts():
    report = compared(WordScorer(), WordScorer("other", sure=0.5), data=labelled()._replace(name="<b>a</b>"))
    page = html_of(report)
    assert "other@0123456789abcdef" in page
    assert "<svg" in page
    assert "<b>a</b>" not in page


def run(environment, *words):
    result = CliRunner().invoke(commands, ["sentiment", "compare", *map(str, words)], obj=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_compares_the_lexicons_on_a_file(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "headline,label\nA great win for Bitcoin,positive\nA terrible loss,negative\nIt is Monday,neutral\n"
    )
    output, page = tmp_path / "out" / "c.json", tmp_path / "c.html"
    result = run({}, "--data", path, "--json", output, "--html", page)
    assert result.exit_code == 0, result.output
    figures = json.loads(output.read_text())
    assert [each["scorer"].partition("@")[0] for each in figures["figures"]] == [
        "vader_plain",
        "vader",
        "textblob",
    ]
    assert {speed["n_texts"] for speed in figures["speeds"]} == {3}
    assert page.read_text().startswith("<!doctype html>")


def test_a_scorer_that_cannot_run_is_named_and_the_others_go_on(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("headline,label\nA great win for Bitcoin,positive\nA terrible loss,negative\n")
    output = tmp_path / "c.json"
    run({}, path, "--scorers", "vader,finbert", "--json", output)
    figures = json.loads(output.read_text())
    assert len(figures["figures"]) == 1
    assert "finbert" in figures["unavailable"][0]


@pytest.mark.parametrize("words", [(), ("--scorers", "vader"), ("--folder", "finbert")])
def test_a_comparison_of_nothing_is_refused(words):
    with pytest.raises(ConfigurationError):
        run({}, *words)


def news_file(tmp_path, n=1_500, step_ms=3_600_000):
    rows = ["timestamp,headline,summary"]
    first = np.datetime64("2021-01-01T00:20", "ms")
    words = ("A terrible loss", "It is Monday", "A great win")
    choice = np.random.default_rng(3).integers(0, 3, n)
    rows += [
        f"{first + np.timedelta64(row * step_ms, 'ms')}Z,{words[choice[row]]} in the hour {row},"
        for row in range(n)
    ]
    path = tmp_path / "news.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_news_without_an_edge_is_said_to_have_none(tmp_path):
    prices = written(simulated_candles(n=1_600, seed=4), tmp_path / "prices.parquet")
    output = tmp_path / "c.json"
    words = ("--news", news_file(tmp_path), "--prices", prices, "--scorers", "vader", "--json", output)
    run({"DRIFTLINE_DATA_DIR": str(tmp_path / "data")}, *words)
    figures = json.loads(output.read_text())
    assert len(figures["signals"]) == 9
    assert figures["findings"][-1].startswith("No edge is shown")
    assert (tmp_path / "data" / "sentiment" / "scores.sqlite3").is_file()


@pytest.mark.recorded
@pytest.mark.slow
def test_the_lexicons_reproduce_what_was_seen_on_phrasebank(tmp_path, recorded_data):
    output = tmp_path / "c.json"
    path = recorded_data / "labelled" / "financial_phrasebank_50agree.csv.gz"
    run({}, path, "--scorers", "vader_plain,textblob", "--json", output)
    vader, textblob = json.loads(output.read_text())["figures"]
    seen = [(each["accuracy"]["value"], each["macro_f1"]["value"]) for each in (vader, textblob)]
    assert np.array(seen) == pytest.approx(np.array([[0.543, 0.489], [0.504, 0.438]]), abs=0.02)
