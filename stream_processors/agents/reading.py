"""What a batch of records of the topic of articles holds: articles to score, and records about the source to pass on.

It stands apart from scoring, so that the order of what is published can be tested without a scorer:

1. A record that breaks the contract is rejected with its error, and the others go on.
2. A version of an article that comes twice within the batch, for one asset, is scored once.
3. Watermarks that follow each other become the last of them, because it says what the others said. Silences and
   returns stay as they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas import codec
from schemas.errors import ContractError
from schemas.events import ArticlePublished, Event, WatermarkAdvanced
from schemas.topics import NEWS_ARTICLE
from schemas.wire.kafka import Record


class Step(NamedTuple):
    """An event that has a part in what is published, and the record that brought it."""

    event: Event
    record: Record


class ReadBatch(NamedTuple):
    """A batch that was read.

    Attributes:
        steps: The events in the order of the log.
        rejected: The records that break the contract, each with the error.
    """

    steps: list[Step]
    rejected: list[tuple[Record, ContractError]]


def read_batch(records: Sequence[Record]) -> ReadBatch:
    """Read records in their order."""
    steps: list[Step] = []
    rejected: list[tuple[Record, ContractError]] = []
    met: set[tuple[object, ...]] = set()
    for record in records:
        try:
            event: Event = codec.decode(NEWS_ARTICLE, record.value, record.headers)
        except ContractError as error:
            rejected.append((record, error))
            continue
        if isinstance(event, ArticlePublished):
            if event.fact() in met:
                continue
            met.add(event.fact())
        elif steps and _replaces(event, steps[-1].event):
            steps.pop()
        steps.append(Step(event, record))
    return ReadBatch(steps, rejected)


def _replaces(event: Event, before: Event) -> bool:
    """Whether an event says everything that the one directly before it said."""
    return (
        isinstance(event, WatermarkAdvanced)
        and isinstance(before, WatermarkAdvanced)
        and (event.stream, event.source, event.epoch) == (before.stream, before.source, before.epoch)
        and event.event_time_ms >= before.event_time_ms
    )
