"""Publishes what a round gave in one transaction: new events, dead letters, the health of the source, an alert.

The transactional id belongs to the run, so a collector that takes over fences the one before, and what that one had
begun is never seen. Nothing is published that the log has.

Watermarks of news go through here, too, and vouch for known time: everything that was first seen before was published.
An article is first seen some time before it is published, so its known time is moved to the newest watermark if that is
later. Then it was known when the log had it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import structlog
from msgspec.structs import replace

from producers.jobs.collecting.known import DEAD_LETTERS, NEWS, KnownRecords, item_keys, letter_key
from producers.jobs.collecting.rounds import LONGEST_RAW_BYTES, RejectedItem
from producers.jobs.publishing import Outlet
from schemas import codec
from schemas.errors import ContractError
from schemas.events import (
    AlertRaised,
    ArticlePublished,
    Event,
    PriceObserved,
    SourceHealthChanged,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.topics import ALERTS, MARKET_PRICE, NEWS_ARTICLE, SOURCES_STATUS, Topic

log = structlog.get_logger()
_TOPICS: dict[type[Event], Topic] = {
    ArticlePublished: NEWS_ARTICLE,
    PriceObserved: MARKET_PRICE,
    SourceHealthChanged: SOURCES_STATUS,
    AlertRaised: ALERTS,
    WatermarkAdvanced: NEWS_ARTICLE,
    SourceReturned: NEWS_ARTICLE,
}
_TIMEOUT_S = 15.0
_LONGEST_REASON = 500


class TransactionalOutlet(Outlet, Protocol):
    """The port of transactions; :class:`schemas.wire.kafka.Publisher` implements it."""

    def begin(self) -> None:
        """Start a transaction."""

    def commit(self, *, timeout_s: float) -> None:
        """Commit it. When this returns, all of it is visible."""


class Published(NamedTuple):
    """How much of a round was published, by items.

    Attributes:
        n_new: Items that the log has now and did not have before.
        n_known: Items that the source took for new, and that the log had.
        n_rejected: Items that were put aside now.
        events: The events of the new items.
    """

    n_new: int
    n_known: int
    n_rejected: int
    events: Sequence[Event]


class RoundPublisher:
    """Publishes rounds.

    Args:
        outlet: The port to which records are published.
        known: What is in the log.
    """

    def __init__(self, outlet: TransactionalOutlet, known: KnownRecords) -> None:
        self._outlet = outlet
        self._known = known

    def publish(
        self, events: Sequence[Event], rejected: Sequence[RejectedItem], about: Iterable[Event] = ()
    ) -> Published:
        """Publish what is new, and return when the log has it.

        Args:
            events: What a source gave.
            rejected: The items that are put aside.
            about: What is said about the source: its health, an alert.

        Raises:
            BrokerUnavailableError: If the broker does not acknowledge it.
            ProducerFencedError: If another collector has taken over.
        """
        new = [self._as_known(event) for event in events if self._known.is_new(event)]
        good, bad = _sorted_out(new)
        letters = [item for item in (*rejected, *bad) if self._known.is_new_letter(item)]
        said = [*good, *about]
        if said or letters:
            self._outlet.begin()
            for event in said:
                self._hand_over(event)
            for item in letters:
                self._put_aside(item)
            self._outlet.commit(timeout_s=_TIMEOUT_S)
        self._remember(said, letters)
        items = item_keys(good)
        return Published(len(items), len(item_keys(events) - item_keys(new)), len(letters), good)

    def vouch(self, now_ms: int, *, is_first: bool = False) -> None:
        """Publish that everything that was first seen before now was published.

        Args:
            now_ms: The wall clock. A time that is not later than the newest watermark says nothing.
            is_first: Whether this collector begins here.

        Raises:
            BrokerUnavailableError: If the broker does not acknowledge it.
            ProducerFencedError: If another collector has taken over.
        """
        at_ms = max(now_ms, self._known.vouched_ms)
        if at_ms == self._known.vouched_ms and not is_first:
            return
        returned = [self._said(SourceReturned, at_ms)] if is_first else []
        self.publish((), (), [*returned, self._said(WatermarkAdvanced, at_ms)])

    def _said(self, kind: type[SourceReturned] | type[WatermarkAdvanced], at_ms: int) -> Event:
        return kind(event_time_ms=at_ms, known_time_ms=at_ms, source=NEWS, stream=self._known.stream)

    def _as_known(self, event: Event) -> Event:
        """Return an article as known no earlier than the newest watermark; assumed times are no part of its promise."""
        if not isinstance(event, ArticlePublished) or event.is_known_time_assumed:
            return event
        return replace(event, known_time_ms=max(event.known_time_ms, self._known.vouched_ms))

    def _remember(self, said: Iterable[Event], letters: Iterable[RejectedItem]) -> None:
        for event in said:
            self._known.add(event)
        for item in letters:
            self._known.add_letter(letter_key(item))

    def _hand_over(self, event: Event) -> None:
        value = codec.encode(event)
        key = "/".join(str(getattr(event, name)) for name in event.key_fields).encode()
        headers = codec.headers(type(event), codec.trace_id(value))
        self._outlet.publish(_TOPICS[type(event)].name, value, key=key, headers=headers)

    def _put_aside(self, item: RejectedItem) -> None:
        log.warning("dead letter", job="collect", source=item.source, rule=item.rule, reason=item.reason)
        headers: codec.Headers = [
            ("letter-id", letter_key(item)),
            ("consumer", b"collect"),
            ("reason", item.reason[:_LONGEST_REASON].encode()),
            ("error-class", item.rule.encode()),
            ("topic", (item.place or item.source).encode()),
            ("source", item.source.encode()),
            ("stream", self._known.stream.encode()),
        ]
        value = item.raw[:LONGEST_RAW_BYTES]
        self._outlet.publish(DEAD_LETTERS.name, value, key=letter_key(item), headers=headers)


def _sorted_out(events: Iterable[Event]) -> tuple[list[Event], list[RejectedItem]]:
    """The events that every reader can read, and the others as rejected items: encoding checks no bounds."""
    good: list[Event] = []
    bad: dict[object, RejectedItem] = {}
    for event in events:
        value = codec.encode(event)
        try:
            codec.decode(_TOPICS[type(event)], value)
        except ContractError as error:
            item = RejectedItem(
                source=event.source,
                place=_place(event),
                rule=type(error).__name__,
                reason=str(error),
                raw=value,
            )
            bad.setdefault(item.place, item)
        else:
            good.append(event)
    return good, list(bad.values())


def _place(event: Event) -> str:
    return event.url if isinstance(event, ArticlePublished) else "/".join(map(str, event.fact()))
