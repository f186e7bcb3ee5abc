"""Dead letters: a message that breaks the contract, kept whole with the reason in its headers."""

from schemas.artifacts import sha256
from schemas.errors import ContractError
from schemas.topics import dead_letters
from schemas.wire.kafka import Publisher, Record

#: A reason that quotes a message is cut here.
LONGEST_REASON = 500
#: A larger value is kept in part, with its size and hash in the headers.
LARGEST_VALUE_BYTES = 8_000_000


def reason_of(error: ContractError) -> str:
    """Why a message was put aside, in a length fit for a header and a log line."""
    reason = str(error)
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."


def publish_dead_letter(publisher: Publisher, *, consumer: str, record: Record, error: ContractError) -> None:
    """Put a message aside.

    Args:
        consumer: Who could not process it; names the topic.
        record: The message; its bytes are kept as they are, the first eight million of them.
        error: Why.
    """
    value = record.value
    size = [("value-bytes", str(len(value or b"")).encode()), ("value-sha256", sha256(value or b"").encode())]
    publisher.publish(
        dead_letters(consumer).name,
        None if value is None else value[:LARGEST_VALUE_BYTES],
        key=record.key,
        headers=[
            ("reason", reason_of(error).encode()),
            ("error-class", type(error).__name__.encode()),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            *size,
        ],
    )
