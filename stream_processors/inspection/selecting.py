"""Choosing dead letters: filters as a person types them, and the letters that pass them."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from schemas.time import parse_time
from stream_processors.runtime.letters import ConsumerLetters, DeadLetter, LetterResolution

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class LetterFilter(NamedTuple):
    """The conditions that letters must meet; None sets no condition.

    Attributes:
        consumer: Who put the letter aside.
        error_class: The class of the error.
        topic: The topic of the message.
        since_ms: The letter was put aside at this time or later.
    """

    consumer: str | None = None
    error_class: str | None = None
    topic: str | None = None
    since_ms: int | None = None

    def is_met_by(self, letter: DeadLetter) -> bool:
        """Whether a letter meets all conditions."""
        return (
            self.consumer in {None, letter.consumer}
            and self.error_class in {None, letter.error_class}
            and self.topic in {None, letter.topic}
            and (self.since_ms is None or (letter.put_aside_ms or 0) >= self.since_ms)
        )


class SelectedLetter(NamedTuple):
    """A letter with its resolution; None while it is open."""

    letter: DeadLetter
    resolution: LetterResolution | None


def select(
    mailboxes: Mapping[str, ConsumerLetters],
    filters: LetterFilter,
    *,
    ids: Collection[str] | None = None,
    with_resolved: bool = False,
) -> list[SelectedLetter]:
    """Return the letters that meet the conditions, oldest first.

    Args:
        mailboxes: The letters of each consumer.
        filters: The conditions.
        ids: Only letters with these ids; None for any.
        with_resolved: Whether letters that were replayed or discarded are returned too.
    """
    found = [
        selected
        for selected in _all(mailboxes)
        if filters.is_met_by(selected.letter)
        and (ids is None or selected.letter.letter_id in ids)
        and (with_resolved or selected.resolution is None)
    ]
    return sorted(found, key=lambda selected: selected.letter.put_aside_ms or 0)


def time_of(text: str, *, now_ms: int) -> int:
    """Return a time that a person typed: an age such as ``90m``, or ISO 8601, in UTC unless it says otherwise.

    Args:
        text: The typed time.
        now_ms: The wall clock, from which an age counts back.

    Raises:
        ConfigurationError: If the text is neither.

    Example:
        >>> time_of("2m", now_ms=300_000)
        180000
    """
    number, unit = text[:-1], _UNITS_MS.get(text[-1:])
    if unit is not None and number.isascii() and number.isdigit():
        return now_ms - int(number) * unit
    return parse_time(text, "a time that is no age")


def _all(mailboxes: Mapping[str, ConsumerLetters]) -> Iterator[SelectedLetter]:
    for mailbox in mailboxes.values():
        for letter in mailbox.letters.values():
            yield SelectedLetter(letter, mailbox.resolutions.get(letter.letter_id))
