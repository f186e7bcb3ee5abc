"""The compatibility gate, on planted changes: each is named, with whom it breaks."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.contracts.compatibility import Broken, incompatible_changes
from schemas.contracts.documents import ASYNCAPI, documents
from schemas.contracts.gates import broken_promises
from schemas.contracts.json_schemas import json_schema
from schemas.events import CandleObserved, FeaturesComputed, TickObserved

Schema = dict[str, Any]
Planted = Callable[[Schema], object]
OLD = json_schema(CandleObserved)
SUBSCRIBERS, HISTORY, BOTH = Broken.SUBSCRIBERS, Broken.HISTORY, Broken.BOTH


def changed(planted: Planted, old: Schema = OLD) -> Schema:
    new = copy.deepcopy(old)
    planted(new)
    return new


def field(name: str, **keywords: object) -> Planted:
    return lambda schema: schema["properties"][name].update(keywords)


def no_longer_required(schema: Schema) -> None:
    schema["required"].remove("volume")


def without_field(schema: Schema) -> None:
    del schema["properties"]["volume"]
    schema["required"].remove("volume")


def with_required_field(schema: Schema) -> None:
    schema["properties"]["venue"] = {"type": "string"}
    schema["required"].append("venue")


def never_null(schema: Schema) -> None:
    schema["properties"]["n_trades"]["anyOf"].pop()


@pytest.mark.parametrize(
    ("planted", "where", "what", "breaks"),
    [
        (without_field, "volume", "gone", SUBSCRIBERS),
        (lambda s: s["properties"].pop("revision"), "revision", "gone", SUBSCRIBERS),
        (with_required_field, "venue", "new field is required", HISTORY),
        (lambda s: s["required"].append("revision"), "revision", "now required", HISTORY),
        (no_longer_required, "volume", "may now be missing", SUBSCRIBERS),
        (field("open", type="integer"), "open", "number is no longer allowed", HISTORY),
        (field("start_ms", type="number"), "start_ms", "number is now allowed", SUBSCRIBERS),
        (field("source", type=["string", "null"]), "source", "null is now allowed", SUBSCRIBERS),
        (never_null, "n_trades", "null is no longer allowed", HISTORY),
        (field("open", maximum=1e12), "open", "maximum is narrowed", HISTORY),
        (field("open", maximum=1e18), "open", "maximum is widened", SUBSCRIBERS),
        (field("open", minimum=1), "open", "minimum is narrowed", HISTORY),
        (lambda s: s["properties"]["open"].pop("maximum"), "open", "widened", SUBSCRIBERS),
        (field("source", maxLength=50), "source", "maxLength is narrowed", HISTORY),
        (field("source", minLength=0), "source", "minLength is widened", SUBSCRIBERS),
        (field("source", pattern="^[a-z]+$"), "source", "pattern", BOTH),
        (field("revision", default=1), "revision", "default was 0, is 1", BOTH),
        (field("type", const="CandleSeen"), "type", "'CandleObserved' is no longer", HISTORY),
        (field("type", const="CandleSeen"), "type", "'CandleSeen' is new", SUBSCRIBERS),
        (lambda s: s["$defs"]["Interval"]["enum"].remove("4h"), "interval", "'4h' is no longer", HISTORY),
        (lambda s: s["$defs"]["Interval"]["enum"].append("2h"), "interval", "'2h' is new", SUBSCRIBERS),
        (lambda s: s["$defs"]["Interval"].pop("enum"), "interval", "are any", SUBSCRIBERS),
        (lambda s: s.update({"x-natural-key": ["stream"]}), "", "x-natural-key", BOTH),
        (lambda s: s.update(additionalProperties=False), "", "additionalProperties", BOTH),
    ],
)
def test_planted_change_is_named_with_whom_it_breaks(
    planted: Planted, where: str, what: str, breaks: Broken
) -> None:
    found = incompatible_changes(OLD, changed(planted))
    assert any(c.where == where and what in c.what and c.breaks is breaks for c in found), found


@pytest.mark.parametrize(
    "planted",
    [
        lambda _schema: None,
        lambda s: s["properties"].update(venue={"type": "string", "default": ""}),
        lambda s: s.update(title="Candle", description="Said better."),
        field("open", description="Said better.", examples=[1.0]),
        lambda s: s["$defs"]["Interval"]["enum"].reverse(),
        lambda s: s["required"].reverse(),
        lambda s: s["properties"].update(interval=s["$defs"]["Interval"]),
    ],
)
def test_harmless_change_is_not_named(planted: Planted) -> None:
    assert not incompatible_changes(OLD, changed(planted))


def test_change_inside_the_values_of_a_mapping_is_named() -> None:
    old = json_schema(FeaturesComputed)
    new = changed(lambda s: s["properties"]["values"]["additionalProperties"]["anyOf"].pop(), old)
    (found,) = incompatible_changes(old, new)
    assert (found.where, found.breaks) == ("values.{}", HISTORY)


def test_change_inside_an_array_is_named() -> None:
    old = {"type": "array", "items": {"type": "integer", "maximum": 9}}
    new = {"type": "array", "items": {"type": "integer", "maximum": 8}}
    (found,) = incompatible_changes(old, new)
    assert found.where == "[]"


def test_alternatives_that_the_gate_cannot_tell_apart_are_refused_rather_than_guessed() -> None:
    two = {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "string", "pattern": "x"}]}
    with pytest.raises(ValueError, match="string"):
        incompatible_changes(two, two)


def test_change_reads_as_one_line() -> None:
    (found,) = incompatible_changes(OLD, changed(with_required_field))
    assert (
        str(found)
        == "venue: a new field is required (the release of tomorrow could not read today's records)"
    )


def channels(planted: Planted) -> dict[str, bytes]:
    document = json.loads(documents()[ASYNCAPI])
    planted(document["channels"])
    return {**documents(), ASYNCAPI: json.dumps(document).encode()}


def partitions(n: int) -> Planted:
    return lambda topics: topics["market.tick.v1"]["bindings"]["kafka"].update(partitions=n)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (lambda topics: topics.pop("outcomes.v1"), "topic outcomes.v1: it is gone"),
        (partitions(8), "partitions was 4, is 8"),
        (lambda topics: topics["market.bar.v1"]["messages"].pop("WatermarkAdvanced"), "messages was"),
        (lambda topics: topics["alerts.v1"].update(address="alerts.v2"), "address was alerts.v1"),
    ],
)
def test_changed_topic_is_named(planted: Planted, said: str) -> None:
    assert any(said in line for line in broken_promises(documents(), channels(planted)))


def test_new_topic_and_longer_retention_break_nothing() -> None:
    def planted(topics: Schema) -> None:
        topics["news.rumour.v1"] = topics["alerts.v1"]
        topics["market.tick.v1"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] = -1

    assert not broken_promises(documents(), channels(planted))


def test_kind_that_is_added_to_a_topic_breaks_nothing_since_readers_pass_over_it() -> None:
    def planted(topics: Schema) -> None:
        added = {"$ref": "#/components/messages/SourceMoved.v1"}
        topics["market.bar.v1"]["messages"]["SourceMoved"] = added

    assert not broken_promises(documents(), channels(planted))


def test_version_raised_on_the_same_topic_is_refused() -> None:
    """Subscribers of a topic read one version of each kind."""

    def planted(topics: Schema) -> None:
        topics["market.tick.v1"]["messages"]["TickObserved"]["$ref"] = "#/components/messages/TickObserved.v2"

    (line,) = broken_promises(documents(), channels(planted))
    assert "make it a topic of the next version" in line


def test_document_of_an_earlier_version_is_no_longer_compared() -> None:
    kept = {**documents(), "json/TickObserved.v0.json": msgspec.json.encode(json_schema(TickObserved))}
    assert not broken_promises(kept, documents())
