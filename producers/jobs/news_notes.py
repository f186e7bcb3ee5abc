"""What is said before a start about the articles of a run's file: rows that are no articles, and a stretch without any."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from producers.sources.files.articles import LONGEST_PAUSE_MS, RecordedArticles, RefusedRow
from schemas.time import text_of_time


def news_notes(
    found: RecordedArticles,
    name: str,
    *,
    stretches: Sequence[tuple[int, int]],
    end_ms: int | None,
    now_ms: int,
) -> Iterator[str]:
    """Yield notes on the articles of a file, each a sentence.

    Args:
        found: The articles that the run plays.
        name: The name of the file.
        stretches: From when to when the run has news.
        end_ms: The end of the run, if it has one.
        now_ms: The time.
    """
    if found.refused:
        yield f"NEWS {name}: {_of_rows(found.refused)}"
    if found.first_ms is None or found.last_ms is None:
        yield f"NEWS {name} has no articles: news is absent in this run"
        return
    whole = f"{text_of_time(found.first_ms)} to {text_of_time(found.last_ms)}"
    if not stretches:
        yield f"NEWS {name} has articles from {whole} only, none of them in this run's stretch: news is absent"
    for (_, last_ms), (following_ms, _) in pairwise(
        [*stretches, *([] if end_ms is None else [(end_ms, end_ms)])]
    ):
        if following_ms - last_ms > LONGEST_PAUSE_MS:
            times = f"from {text_of_time(last_ms)} to {text_of_time(following_ms)}"
            yield f"NEWS {name} has no article {times}: news is absent there"
    if found.last_ms > now_ms:
        yield f"NEWS {name} has articles of the future: the newest is of {text_of_time(found.last_ms)}"


def _of_rows(refused: Sequence[RefusedRow]) -> str:
    first = refused[0]
    begin = "1 row is" if len(refused) == 1 else f"{len(refused):,} rows are"
    return f"{begin} no article and left out; the first is row {first.row + 1:,}: {first.reason}"
