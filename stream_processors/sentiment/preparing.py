"""Prepares texts for scorers: cleans them, splits the body into sentences, and keeps what speaks about the asset.

1. The title counts unless it speaks about other coins alone while the body speaks about the asset.
2. Of the body, those sentences count that mention the asset; all of them if none does, or if the asset is ``MARKET``.
3. Of a sentence that also mentions other coins, the clauses that mention only those are left out: of "Bitcoin slips while
   Ethereum rallies", Bitcoin gets the first half and Ethereum the second.
4. No word is changed. What is left out is left out by whole sentences and clauses.
"""

from schemas.events import WHOLE_MARKET
from schemas.mentions import assets_by_line
from stream_processors.sentiment.cleaning import clean
from stream_processors.sentiment.languages import is_english
from stream_processors.sentiment.ports import PreparedText, Refusal
from stream_processors.sentiment.sentences import clauses_of, pieces_of, sentences_of

#: Counts up when any rule of this room changes what scorers read. It is part of every scorer's hash.
PREPARATION_VERSION = 1
#: More than an event can hold.
MOST_CHARACTERS = 120_000


def prepare(title: str, body: str | None, language: str | None, asset: str) -> PreparedText | Refusal:
    """Return a text as scorers read it, or why it cannot be scored. Never raises, whatever the strings are.

    Args:
        title: The title of the article; it may be empty.
        body: Its text, else its summary, else None.
        language: As the event states it, such as ``en``; None if it is not known, and then it is found.
        asset: The asset of the record, such as ``BTC``; ``MARKET`` means that the whole text counts.

    Example:
        >>> prepare("Bitcoin slips while Ethereum rallies", None, "en", "ETH").title
        'Ethereum rallies'
    """
    n_characters = len(title) + len(body or "")
    if n_characters > MOST_CHARACTERS:
        return Refusal(f"The text has {n_characters:,} characters; at most {MOST_CHARACTERS:,} are scored.")
    heading, *rest = pieces_of(clean(title).replace("\n", " ")) or [""]
    sentences = [*rest, *sentences_of(clean(body or ""))]
    whole = " ".join((heading, *sentences))
    if not any(character.isalpha() for character in whole):
        return Refusal("The text has no word that could be scored.")
    if not is_english(whole, language):
        stated = "" if language is None else f" (its language is stated as {language[:20]!r})"
        return Refusal(f"The text is not English{stated}, and scorers read English alone.")
    if asset == WHOLE_MARKET:
        return PreparedText(heading, tuple(sentences))
    return _targeted(heading, sentences, asset)


def _targeted(title: str, sentences: list[str], asset: str) -> PreparedText:
    """Return the title and the sentences that speak about an asset; all of them if none does."""
    in_title, *by_sentence = assets_by_line([title, *sentences])
    if asset not in in_title and not any(asset in assets for assets in by_sentence):
        return PreparedText(title, tuple(sentences))
    about = [
        _clauses_about(sentence, assets, asset)
        for sentence, assets in zip(sentences, by_sentence, strict=True)
        if asset in assets
    ]
    kept = about or sentences
    heading = _clauses_about(title, in_title, asset) if asset in in_title else title
    if in_title and asset not in in_title:
        heading = ""
    return PreparedText(heading, tuple(kept), heading != title or kept != sentences)


def _clauses_about(sentence: str, assets: set[str], asset: str) -> str:
    """Return a sentence that mentions the asset, without the clauses that mention other coins alone."""
    if len(assets) == 1:
        return sentence
    clauses = clauses_of(sentence)
    by_clause = assets_by_line(clauses)
    # A ticker that is a word may be a mention in the sentence and none in its clause: then nothing is cut.
    if not any(asset in found for found in by_clause):
        return sentence
    kept = [clause for clause, found in zip(clauses, by_clause, strict=True) if asset in found or not found]
    return sentence if len(kept) == len(clauses) else ", ".join(kept)
