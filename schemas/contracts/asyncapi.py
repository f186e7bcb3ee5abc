"""The AsyncAPI 3 document: every topic for subscribers, with its events.

The document describes the platform as the application, so a subscriber receives what the platform sends.
Changelogs are left out, because they are the state of a job.

Source:
    AsyncAPI 3.0.0, and version 0.5.0 of its bindings for Kafka.
"""

from typing import Any

from schemas.contracts.dead_letters import dead_letter_messages
from schemas.contracts.json_schemas import components_of, name_of
from schemas.contracts.messages import KAFKA_BINDING, event_message
from schemas.events import Event
from schemas.topics import CONSUMERS, EVENT_TOPICS, Topic, dead_letters

#: The semantic version of this description; its first number is the version in the names of the topics.
VERSION = "1.0.0"
_DEAD_LETTERS = "dead_letters"
_ABOUT = """\
Market events of the Driftline platform on Apache Kafka: prices, news, bars, features, predictions and how
they turned out. Seen from the platform: what it sends, a subscriber receives.

- **Values** are JSON in UTF-8; the field `type` names the kind of event. Ignore fields you do not know.
- **Times** are UTC milliseconds. `event_time_ms` is when it happened, `known_time_ms` when the platform
  first had it. The record's own timestamp is when it was published.
- **Streams**: live data, replays, simulations and mirrors share the topics. Choose one by `stream`.
- **Order** is kept per partition. Keys are placed by murmur2, as Java's client does.
- **Transactions**: read with `isolation.level=read_committed`.
- **Repeats**: a fact may be published again after a crash; records with the same `x-natural-key` are one.
- **Compatibility**: within a version nothing is removed, renamed, retyped, widened or narrowed; fields
  may be added. Anything else is a new version on a new topic.

How to subscribe, with examples in three languages: `schemas/SUBSCRIBING.md`.
"""


def asyncapi() -> dict[str, Any]:
    """Return the document."""
    kinds = _kinds()
    messages = {name_of(kind): event_message(kind) for kind in kinds} | dead_letter_messages()
    channels = {topic.name: _channel(topic) for topic in EVENT_TOPICS} | {_DEAD_LETTERS: _dead_letters()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:driftline",
        "info": {
            "title": "Driftline",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": channels,
        "operations": {f"send.{name}": _sending(name, channel) for name, channel in channels.items()},
        "components": {"schemas": components_of(kinds), "messages": messages},
    }


def _kinds() -> list[type[Event]]:
    """Every kind of event on any topic once, in the order of the table."""
    return list(dict.fromkeys(kind for topic in EVENT_TOPICS for kind in topic.events))


def _servers() -> dict[str, Any]:
    return {
        "local": {
            "host": "127.0.0.1:19092",
            "protocol": "kafka",
            "description": (
                "The embedded broker of `make demo`, which chooses the next free port where this one is "
                "taken; `.driftline/endpoints.json` has the address."
            ),
        },
        "external": {
            "host": "{bootstrapServers}",
            "protocol": "kafka",
            "description": "Apache Kafka, as the platform's `KAFKA_BOOTSTRAP_SERVERS` says.",
            "variables": {"bootstrapServers": {"description": "A comma-separated list of host:port."}},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "title": topic.name,
        "summary": topic.about,
        "description": _contents(topic),
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{name_of(kind)}"} for kind in topic.events
        },
        "bindings": {"kafka": _binding(topic)},
        "tags": [{"name": f"owner:{owner}"} for owner in topic.owners],
        "x-owner": topic.owner,
        **({"x-owners": _owners_by_kind(topic)} if topic.other_owners else {}),
    }


def _contents(topic: Topic) -> str:
    """The kinds of event of a topic, and for how long they are kept."""
    kinds = ", ".join(f"`{kind.__name__}`" for kind in topic.events)
    return f"Holds {kinds}. {_written(topic)} {_kept(topic)}"


def _owners_by_kind(topic: Topic) -> dict[str, str]:
    return {kind.__name__: topic.owner_of(kind) for kind in topic.events}


def _written(topic: Topic) -> str:
    """Who publishes the topic: one job, or one job for each kind of event."""
    if not topic.other_owners:
        return f"Written by `{topic.owner}` alone."
    others = " and ".join(
        f"`{kind.__name__}`, which `{owner}` alone writes" for kind, owner in topic.other_owners
    )
    return f"Written by `{topic.owner}` alone, except for {others}."


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "The newest record of each key is kept."
    if topic.retention_ms < 0:
        return "Records are kept for ever."
    return f"Records are kept {topic.retention_ms // 86_400_000} days from their publication."


def _binding(topic: Topic) -> dict[str, Any]:
    policy = "compact" if topic.is_compacted else "delete"
    kept = {} if topic.retention_ms is None else {"retention.ms": topic.retention_ms}
    return {
        "topic": topic.name,
        "partitions": topic.n_partitions,
        "topicConfiguration": {"cleanup.policy": [policy], **kept},
        "bindingVersion": KAFKA_BINDING,
    }


def _dead_letters() -> dict[str, Any]:
    """One channel for the dead letters of all consumers, which only differ in the name."""
    topic = dead_letters("{consumer}")
    binding = {name: value for name, value in _binding(topic).items() if name != "topic"}
    return {
        "address": topic.name,
        "title": topic.name,
        "summary": "Messages that a consumer could not process, whole, with the reason in the headers.",
        "description": f"Written by the consumer that the topic is named after. {_kept(topic)}",
        "parameters": {
            "consumer": {"description": "Who could not process it.", "enum": list(CONSUMERS)},
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in dead_letter_messages()},
        "bindings": {"kafka": binding},
    }


def _sending(name: str, channel: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": channel["summary"],
        "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in channel["messages"]],
        **({"tags": channel["tags"]} if "tags" in channel else {}),
    }
