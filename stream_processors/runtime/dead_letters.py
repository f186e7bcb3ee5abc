"""Dead letters: a message that breaks the contract, kept whole with the reason in its headers."""

from schemas.errors import ContractError
from schemas.topics import dead_letters
from schemas.wire.kafka import Publisher, Record


def publish_dead_letter(publisher: Publisher, *, consumer: str, record: Record, error: ContractError) -> None:
    """Put a message aside.

    Args:
        consumer: Who could not process it; names the topic.
        record: The message; its bytes are kept as they are.
        error: Why.
    """
    publisher.publish(
        dead_letters(consumer).name,
        record.value,
        key=record.key,
        headers=[
            ("reason", str(error).encode()),
            ("error-class", type(error).__name__.encode()),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
        ],
    )
