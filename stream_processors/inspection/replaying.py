"""Publishing dead letters again, each exactly once, however often the command is repeated.

These are the steps. A crash after any of them is harmless::

    1 fence     an earlier replay that still runs, and end its transaction
    2 read      which letters are open, now that nobody else resolves any
    3 publish   the messages of a batch into their own partitions, then a resolution for each letter
    4 commit    both together; then the next batch

A batch that the broker refuses is halved, until the refused message is found.

A message goes to every consumer of its topic, so publishing it once resolves the letters of all of them.

The embedded broker shows what an aborted transaction wrote. So there step 2 also looks whether a message is
in the log again already, in which case only its resolution is missing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from schemas.errors import BrokerUnavailableError
from schemas.topics import BY_NAME
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.dead_letters import publish_resolution, read_mailboxes, read_values
from stream_processors.runtime.letters import (
    REPLAY_OF,
    ConsumerLetters,
    DeadLetter,
    KeptValue,
    ResolutionKind,
    replay_headers,
)

TRANSACTIONAL_ID = "driftline-dead-letters"
#: The limits of a batch, small enough for a transaction to take less than a second.
MOST_LETTERS = 200
MOST_BYTES = 16_000_000
_TRANSACTION_S = 20.0
_FENCE_S = 60.0


class _Message(NamedTuple):
    """A message that is published again, with the letters of all consumers that put it aside."""

    letters: Sequence[DeadLetter]
    value: bytes | None


def obstacle(letter: DeadLetter) -> str | None:
    """Return why a letter cannot be replayed; None when it can."""
    if letter.partition is None or letter.offset is None:
        origin = f"comes from {letter.topic}" if letter.topic else "does not come from Kafka"
        return f"it {origin}: correct the source and replay that"
    if letter.kept is KeptValue.CUT:
        return f"only a part of its {letter.value_bytes} bytes was kept: publish it again from its source"
    topic = BY_NAME.get(letter.topic)
    if topic is None or letter.partition >= topic.n_partitions:
        return f"this release has no partition {letter.partition} of {letter.topic}"
    return None


def replay(
    endpoint: KafkaEndpoint,
    ids: Collection[str],
    *,
    on_refused: Callable[[str, str], None] = lambda _letter_id, _why: None,
) -> Iterator[Sequence[str]]:
    """Publish letters again. Letters that are resolved, unknown or cannot be replayed are left out.

    Args:
        endpoint: The broker.
        ids: The ids of the letters. Other consumers' letters of the same messages are resolved with them.
        on_refused: Called with the id of a message that the broker refuses, such as one that is too large
            for its topic now, and with the reason. The other messages are still published.

    Yields:
        The ids of each batch, after its commit.

    Raises:
        ProducerFencedError: If another replay took over. It publishes the letters that were not yielded.
        BrokerUnavailableError: If the broker does not answer.
    """
    refused: set[str] = set()
    most = MOST_LETTERS
    while most:
        # After a failed transaction everything begins anew, because another replay may have taken over.
        publisher = Publisher(endpoint, role="dead-letters", transactional_id=TRANSACTIONAL_ID)
        publisher.prepare_transactions(timeout_s=_FENCE_S)
        messages = _messages(read_mailboxes(endpoint), set(ids) - refused)
        published = _published_already(endpoint, messages) if endpoint.is_embedded else frozenset[str]()
        for batch in _batches(endpoint, messages, most):
            names = [message.letters[0].letter_id for message in batch]
            try:
                _publish_batch(publisher, batch, published)
            except BrokerUnavailableError as error:
                if len(batch) == 1:
                    refused.add(names[0])
                    on_refused(names[0], str(error))
                most = len(batch) // 2 or MOST_LETTERS
                break
            yield names
        else:
            most = 0


def discard(endpoint: KafkaEndpoint, letters: Iterable[DeadLetter], *, reason: str) -> None:
    """Resolve letters as discarded; their messages stay where they are.

    Args:
        endpoint: The broker.
        letters: The letters to resolve.
        reason: Why nothing is to be done; it is kept with each letter.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    publisher = Publisher(endpoint, role="dead-letters")
    for letter in letters:
        publish_resolution(publisher, letter, ResolutionKind.DISCARDED, reason=reason)
    publisher.flush()


def _messages(mailboxes: Mapping[str, ConsumerLetters], ids: Collection[str]) -> dict[str, list[DeadLetter]]:
    """The open letters of each message to publish; a letter that holds the whole message comes first."""
    found: dict[str, list[DeadLetter]] = {}
    for letter in chain.from_iterable(mailbox.open() for mailbox in mailboxes.values()):
        if letter.letter_id in ids:
            found.setdefault(letter.letter_id, []).append(letter)
    ordered = {
        name: sorted(letters, key=lambda one: obstacle(one) is not None) for name, letters in found.items()
    }
    return {name: letters for name, letters in ordered.items() if obstacle(letters[0]) is None}


def _published_already(
    endpoint: KafkaEndpoint, messages: Mapping[str, Sequence[DeadLetter]]
) -> frozenset[str]:
    """The ids of the messages that an aborted transaction published again."""
    starts: dict[tuple[str, int], int] = {}
    for letters in messages.values():
        where, offset = (letters[0].topic, letters[0].partition or 0), letters[0].offset or 0
        starts[where] = min(offset, starts.get(where, offset))
    found = (dict(record.headers).get(REPLAY_OF) for record in read_range(endpoint, starts))
    return frozenset(value.decode() for value in found if value is not None) & messages.keys()


def _batches(
    endpoint: KafkaEndpoint, messages: Mapping[str, Sequence[DeadLetter]], most: int
) -> Iterator[list[_Message]]:
    batch, size = list[_Message](), 0
    for letter, value in read_values(endpoint, [letters[0] for letters in messages.values()]):
        size += len(value or b"")
        if batch and (len(batch) >= most or size > MOST_BYTES):
            yield batch
            batch, size = [], len(value or b"")
        batch.append(_Message(messages[letter.letter_id], value))
    if batch:
        yield batch


def _publish_batch(publisher: Publisher, batch: Sequence[_Message], published: Collection[str]) -> None:
    """Publish messages, and once they are in the log their resolutions.

    The embedded broker shows what was never committed. If a resolution were visible there without its
    message, the message would be lost.
    """
    publisher.begin()
    for letters, value in batch:
        first = letters[0]
        if first.letter_id not in published:
            publisher.publish(
                first.topic, value, key=first.key, partition=first.partition, headers=replay_headers(first)
            )
    publisher.flush(timeout_s=_TRANSACTION_S)
    for letters, _ in batch:
        for letter in letters:
            publish_resolution(publisher, letter, ResolutionKind.REPLAYED, reason="")
    publisher.commit(timeout_s=_TRANSACTION_S)
