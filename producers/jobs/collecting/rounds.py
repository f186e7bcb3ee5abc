"""The port of what is collected by rounds: a news feed, a source of prices.

A round is read in a thread of its source, and published by the main loop in one transaction. What a round gave is
confirmed when the log has it; a source that is not confirmed gives it again.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from schemas.events import Event, PriceObserved
from schemas.wire.postgres.collected import StoredVersion

#: Of what was read so much is kept in a dead letter.
LONGEST_RAW_BYTES = 4_000


class RejectedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that is not published.

    Attributes:
        source: The source.
        place: The address or the instrument, as far as it is known.
        rule: The rule that it broke, such as ``published_in_future``.
        reason: What was expected and what it was, in a sentence.
        raw: What was read, or the beginning of it.
    """

    source: str
    place: str | None
    rule: str
    reason: str
    raw: bytes


class CollectedRound(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of a source gave.

    Attributes:
        source: The source.
        events: What may be new, oldest first. The publisher leaves out what is in the log already.
        rejected: The items that are not published; each is named in one round and not in every one.
        n_seen: How many items it showed.
        n_new: How many of them are new, or new versions.
        n_duplicate: How many were known.
        newest_ms: The event time of its newest item, new or not; None if it showed none.
        is_waiting: Whether the next round should come at once.
        notes: What is doubtful, a whole sentence each.
    """

    source: str
    events: tuple[Event, ...] = ()
    rejected: tuple[RejectedItem, ...] = ()
    n_seen: int = 0
    n_new: int = 0
    n_duplicate: int = 0
    newest_ms: int | None = None
    is_waiting: bool = False
    notes: tuple[str, ...] = ()


class KnownBefore(NamedTuple):
    """What was published before, by the log and by the store.

    Attributes:
        versions: The versions of articles of all sources.
        prices: The newest price of each instrument.
    """

    versions: Sequence[StoredVersion]
    prices: Mapping[str, PriceObserved]


class CollectedSource(Protocol):
    """A source that is read round by round. ``restore`` comes first; then ``collect`` and ``confirm`` take turns.

    Attributes:
        name: The name that its events carry in ``source``.
        interval_s: How often it is read.
        usual_s: How often it has something new on an ordinary day; None if that is learned from its items.
    """

    name: str
    interval_s: float
    usual_s: float | None

    @property
    def n_requests(self) -> int:
        """How often it was asked since the start, also in rounds that failed, and by way of the cache too."""

    def restore(self, known: KnownBefore) -> None:
        """Take what was published before; the source looks for its own."""

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:
        """Read the source once. It waits for the network in the thread of the caller.

        Args:
            now_ms: The wall clock.
            is_last: Whether no other round follows soon, so that nothing is put off to the next one.

        Raises:
            SourceUnavailableError: If the source does not answer.
            ContractError: If it answers something that cannot be read.
        """

    def confirm(self, read: CollectedRound) -> None:
        """Take note that everything of a round is in the log. Another thread may call it."""
