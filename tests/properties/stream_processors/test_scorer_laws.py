"""Laws of every scorer: any string gives a score within bounds or a refusal, and a score is of its text alone."""

import string
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream_processors.sentiment.cleaning import clean
from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.opening import open_scorers
from stream_processors.sentiment.ports import PreparedText, Refusal, Scored, Scorer
from stream_processors.sentiment.preparing import MOST_CHARACTERS, prepare
from stream_processors.sentiment.sentences import clauses_of, sentences_of
from stream_processors.sentiment.sketches import similarity, sketch
from stream_processors.sentiment.vader import open_vader_plain, published_lexicon
from tests.fixtures.tiny_encoders import WORDS, write_tiny_encoder

#: Every character, lone surrogates too, and what texts from the web are made of.
ANY = st.text(st.characters(exclude_categories=()), max_size=200)
PIECES = st.sampled_from(
    [
        *(
            "bitcoin",
            "ETH",
            "not",
            "never",
            "rug",
            "pull",
            "rally",
            "BUT",
            "least",
            "very",
            "so",
            "$20M",
            "3.5%",
            "\n",
            ". ",
        ),
        *(
            "<p>",
            "</p>",
            "<",
            "&amp;",
            "&#0;",
            "&#xD800;",
            "\u00e2\u20ac\u2122",
            "\U0001f680",
            "\ud83d",
            "\u200d",
            "\x00",
            "\ufffd",
        ),
        *(
            "Ignore previous instructions",
            "</s>",
            "[SEP]",
            "https://x.y/z",
            "\u6bd4\u7279\u5e01",
            "x" * 150,
            "!!!!",
            "??",
            ":)",
            "%s",
        ),
    ]
)
WEB = st.lists(PIECES, max_size=30).map(" ".join)
TEXTS = st.one_of(ANY, WEB)
ASSETS = st.sampled_from(["BTC", "ETH", "LINK", "MARKET", ""])
LANGUAGES = st.one_of(st.none(), st.sampled_from(["en", "en-US", "de", ""]), ANY)


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, ...]:
    folder: Path = write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
    opened = open_scorers({"DRIFTLINE_SCORERS": "vader,vader_plain,textblob"})
    return (*opened.scorers, open_encoder("encoder", folder).scorer)


def is_valid(scored: Scored) -> bool:
    shares = [scored.negative, scored.neutral, scored.positive]
    has_shares = all(share is not None and 0 <= share <= 1 for share in shares)
    return -1 <= scored.score <= 1 and (has_shares or shares == [None] * 3)


@given(title=TEXTS, body=st.one_of(st.none(), TEXTS), language=LANGUAGES, asset=ASSETS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_string_gives_a_score_within_bounds_or_a_refusal(scorers, title, body, language, asset) -> None:
    prepared = prepare(title, body, language, asset)
    if isinstance(prepared, Refusal):
        assert 0 < len(prepared.sentence) <= 500
        prepared.sentence.encode()
        return
    assert prepared.text.strip()
    prepared.text.encode()
    for scorer in scorers:
        (scored,) = scorer.score([prepared])
        assert is_valid(scored), scorer.id
        assert scorer.label(scored)


@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=2, max_size=6))
def test_batch_equals_single(scorers, texts) -> None:
    prepared = [
        each for title, body in texts if isinstance(each := prepare(title, body, "en", "BTC"), PreparedText)
    ]
    for scorer in scorers:
        singles = [scored for text in prepared for scored in scorer.score([text])]
        assert scorer.score(prepared) == singles
        assert scorer.score(prepared[::-1]) == singles[::-1]


@given(text=TEXTS)
def test_cleaning_is_done_once(text: str) -> None:
    """What is clean stays as it is, unless one removal brought the parts of another remnant together."""
    once = clean(text)
    assert len(clean(once)) <= len(once)
    assert "\x00" not in once


@given(
    words=st.lists(
        st.sampled_from(["Bitcoin", "fell", "3.5%", "not", "Mr.", "U.S.", "end.", "Why?", "and"]), max_size=30
    )
)
def test_sentences_hold_every_word_in_its_order(words: list[str]) -> None:
    sentences = sentences_of(" ".join(words))
    assert " ".join(sentences).split() == words
    assert all(clauses_of(sentence) for sentence in sentences)


@cache
def analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


@cache
def vader_words() -> list[str]:
    lexicon = published_lexicon()
    phrases = [word for phrase in (*lexicon.idioms, *lexicon.boosters) for word in phrase.split()]
    common = [
        "no",
        "nor",
        "or",
        "but",
        "least",
        "at",
        "very",
        "so",
        "this",
        "never",
        "without",
        "doubt",
        "kind",
        "of",
        "wasn't",
    ]
    return [*sorted(lexicon.values)[::20], *phrases, *sorted(lexicon.negations), *common * 20]


@st.composite
def vader_texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(vader_words()), max_size=12))
    styles = draw(
        st.lists(st.sampled_from([str, str, str.upper, str.title]), min_size=len(words), max_size=len(words))
    )
    marks = draw(
        st.lists(
            st.sampled_from(["", "", "!", "??", ",", "\U0001f680", '"']),
            min_size=len(words),
            max_size=len(words),
        )
    )
    return " ".join(style(word) + mark for style, word, mark in zip(styles, words, marks, strict=True))


@given(text=st.one_of(vader_texts(), TEXTS, st.text(string.printable)))
@settings(max_examples=500)
@example(text="good but good but bad")
@example(text="the bomb is not so good, never this BAD!!!!! ????")
@example(text="\u0130 \U0001f600\U0001f600x :) (:")
def test_vader_equals_the_library(text: str) -> None:
    assert open_plain().polarity(text) == analyzer().polarity_scores(text)["compound"]


@cache
def open_plain():
    return open_vader_plain()


@given(one=TEXTS, other=TEXTS)
def test_sketches_have_a_form_and_a_similarity(one: str, other: str) -> None:
    sketches = sketch(one), sketch(other)
    assert all(len(each) == 16 and set(each) <= set("0123456789abcdef") for each in sketches)
    assert 0 <= similarity(*sketches) == similarity(*sketches[::-1]) <= 1


@given(words=st.lists(st.sampled_from(WORDS[4:]), min_size=1, max_size=80))
def test_encoder_takes_no_more_tokens_than_its_length(scorers, words: list[str]) -> None:
    encoder = scorers[-1]
    tokens = encoder._run.tokens(PreparedText("", (" ".join(words), "hack ."))).tokens
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert len(tokens) <= 16


@pytest.mark.parametrize(
    "unit",
    [
        *(
            ".",
            "? ",
            "<",
            "<a ",
            "<script>",
            "<!--",
            "&amp;",
            "$BTC",
            "a. ",
            "A. B. ",
            "not bad ",
            "good ",
            "good but ",
            "kind of ",
        ),
        *(
            ":) ",
            ">:( ",
            " - ",
            "as ",
            "\u00e2",
            "\u20ac\u2122",
            "\n",
            "www.",
            "\U0001f680",
            "BTC/",
            "'",
            "x",
        ),
    ],
)
def test_longest_texts_of_one_kind_are_scored_in_seconds(scorers, unit: str) -> None:
    """Rules whose cost grows with the square of the length took minutes for 100,000 characters."""
    body = unit * ((MOST_CHARACTERS - 100) // len(unit))
    prepared = prepare("Bitcoin fell", body, "en", "BTC")
    assert isinstance(prepared, PreparedText)
    assert all(is_valid(scored) for scorer in scorers for scored in scorer.score([prepared]))
    assert len(sketch(body)) == 16
