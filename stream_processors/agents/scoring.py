"""Scores the articles of a batch by every scorer, whatever a scorer does. It runs in a thread, off the event loop.

A text is prepared once for all scorers, and equal texts of a batch are scored once: records of one article differ in
their asset alone. A scorer that raises is asked again text by text, so that it is refused for the article at fault and
for no other.
"""

import math
import traceback
from collections.abc import Callable, Iterator, Sequence

import structlog

from schemas.events import ArticlePublished, Event
from stream_processors.agents.reading import Step
from stream_processors.sentiment.article_scores import body_of, score_event, sketch_of
from stream_processors.sentiment.ports import PreparedText, Refusal, Scored, Scorer

#: Prepares title, body, language and asset of an article; :func:`stream_processors.sentiment.preparing.prepare` is one.
Prepare = Callable[[str, str | None, str | None, str], PreparedText | Refusal]

log = structlog.get_logger()
_LONGEST_REFUSAL = 500
_LONGEST_TRACE = 2_000


class TolerantScorer:
    """A scorer whose mistakes become refusals.

    Args:
        scorer: The scorer.

    Attributes:
        n_failed: For how many texts it raised, or gave something that is no score.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.id = scorer.id
        self.n_failed = 0

    def score(self, texts: Sequence[PreparedText]) -> list[Scored | Refusal]:
        """Return the score of each text, or why it has none."""
        try:
            found = self._scorer.score(texts)
        except Exception as error:  # noqa: BLE001  (whatever a scorer raises, the flow goes on)
            if len(texts) == 1:
                return [self._failed(f"raised {type(error).__name__}", error)]
        else:
            if len(found) == len(texts):
                return [self._checked(each) for each in found]
            if len(texts) == 1:
                return [self._failed(f"gave {len(found)} scores for one text")]
        return [each for text in texts for each in self.score([text])]

    def _checked(self, scored: Scored) -> Scored | Refusal:
        probabilities = [scored.negative, scored.neutral, scored.positive]
        stated = [each for each in probabilities if each is not None]
        is_score = math.isfinite(scored.score) and -1 <= scored.score <= 1
        if not is_score or len(stated) not in (0, 3) or not all(0 <= each <= 1 for each in stated):
            return self._failed(f"gave {scored.score} with probabilities {probabilities}, which is no score")
        return scored

    def _failed(self, what: str, error: Exception | None = None) -> Refusal:
        self.n_failed += 1
        if self.n_failed == 1:  # the count says the rest
            log.warning("scorer failed", scorer=str(self.id), what=what, trace=_trace_of(error))
        return Refusal(f"The scorer {self.id.name} {what}."[:_LONGEST_REFUSAL])


class ArticleScoring:
    """Makes the events that follow from a batch.

    Args:
        scorers: Those that run.
        prepare: Prepares an article for them.
    """

    def __init__(self, scorers: Sequence[Scorer], prepare: Prepare) -> None:
        self.scorers = [TolerantScorer(scorer) for scorer in scorers]
        self._prepare = prepare
        self.n_unprepared = 0

    def events(self, steps: Sequence[Step]) -> list[Step]:
        """Return the scores of each article in the place of the article, and every other event where it stands."""
        articles = [step.event for step in steps if isinstance(step.event, ArticlePublished)]
        prepared = [self._prepared(each) for each in articles]
        texts = list(dict.fromkeys(each for each in prepared if isinstance(each, PreparedText)))
        scores = [
            dict(zip(texts, scorer.score(texts), strict=True)) if texts else {} for scorer in self.scorers
        ]
        waiting = iter(prepared)
        found: list[Step] = []
        for step in steps:
            if isinstance(step.event, ArticlePublished):
                found += [Step(event, step.record) for event in self._of(step.event, next(waiting), scores)]
            else:
                found.append(step)
        return found

    def _prepared(self, article: ArticlePublished) -> PreparedText | Refusal:
        try:
            return self._prepare(article.title, body_of(article), article.language, article.asset)
        except Exception as error:  # noqa: BLE001  (whatever a text is, the flow goes on)
            self.n_unprepared += 1
            if self.n_unprepared == 1:  # the count says the rest
                log.warning("preparation failed", article=article.article_id, trace=_trace_of(error))
            return Refusal(f"The text could not be prepared: {type(error).__name__}.")

    def _of(
        self,
        article: ArticlePublished,
        text: PreparedText | Refusal,
        scores: Sequence[dict[PreparedText, Scored | Refusal]],
    ) -> Iterator[Event]:
        words_sketch = sketch_of(article, text)
        for scorer, by_text in zip(self.scorers, scores, strict=True):
            scored = text if isinstance(text, Refusal) else by_text[text]
            yield score_event(article, scorer.id, scored, words_sketch)


def _trace_of(error: Exception | None) -> str:
    return "" if error is None else "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]
