"""Dead letters in the AsyncAPI document: messages that a consumer put aside, rejected rows, and resolutions.

Their values are the bytes that were read, so only the headers have a schema.
"""

from typing import Any, NamedTuple


class DeadLetterKind(NamedTuple):
    """One kind of record on a topic of dead letters.

    Attributes:
        headers: The descriptions of the headers that are always there.
        optional: The descriptions of the headers that may be missing.
    """

    title: str
    summary: str
    value: str
    headers: dict[str, str]
    optional: dict[str, str]


_LETTER_ID = (
    "The identity of the letter: `TOPIC/PARTITION/OFFSET` of the message. It is the key of the record."
)
_CONSUMER = "The consumer that could not process the message."
_ATTEMPTS = "How often the message has been tried, 1 for the first time."

KINDS = {
    "DeadLetter": DeadLetterKind(
        title="Dead letter",
        summary="A message that a consumer could not process, whole, with the reason in the headers.",
        value="The message's value as it was, which need not be JSON; at most the first 8,000,000 bytes.",
        headers={
            "letter-id": _LETTER_ID,
            "consumer": _CONSUMER,
            "reason": "Why the message could not be processed, in a sentence.",
            "error-class": "The class of the error, such as `DecodeError` or `SchemaVersionError`.",
            "topic": "Where the message was read.",
            "partition": "Its partition there.",
            "offset": "Its offset there.",
            "attempts": _ATTEMPTS,
            "value-kept": "`whole`, `cut` or `tombstone`: how much of the message the letter holds.",
            "value-bytes": "The size of the message's value.",
            "value-sha256": "SHA-256 of its whole value, in hexadecimal digits.",
        },
        optional={
            "event-time-ms": "The event time that the message states, where it can be read.",
            "record-time-ms": "When the message was published, where the consumer knew.",
            "message-key": "The message's own key; the message's own headers follow as `original-NAME`.",
        },
    ),
    "DeadLetterResolved": DeadLetterKind(
        title="Resolution of a dead letter",
        summary="What became of a letter with the same key: it was published again, or discarded.",
        value="Nothing.",
        headers={
            "resolution": "`replayed` or `discarded`.",
            "resolution-reason": "Why nothing more is to be done; empty for what was replayed.",
            "letter-id": _LETTER_ID,
            "consumer": _CONSUMER,
            "attempts": _ATTEMPTS,
        },
        optional={},
    ),
    "RowRejected": DeadLetterKind(
        title="Rejected row of a file",
        summary="A row of a recorded file that breaks the rules of its table; the key is the file.",
        value="The row as JSON.",
        headers={
            "reason": "What was expected and what it was, in a sentence.",
            "column": "The column that breaks the rule.",
            "row": "The number of the row in the file.",
            "rule": "The rule that it breaks.",
            "file": "The file's name.",
        },
        optional={},
    ),
}


def dead_letter_messages() -> dict[str, dict[str, Any]]:
    """Return the kinds of record on a topic of dead letters, as messages by name."""
    return {name: _message(name, kind) for name, kind in KINDS.items()}


def _message(name: str, kind: DeadLetterKind) -> dict[str, Any]:
    described = kind.headers | kind.optional
    return {
        "name": name,
        "title": kind.title,
        "summary": kind.summary,
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                header: {"type": "string", "description": text} for header, text in described.items()
            },
            "required": list(kind.headers),
        },
        "payload": {"description": kind.value},
    }
