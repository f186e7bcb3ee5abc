"""The committed documents: what the code generates, valid by their own standards, useful to read."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

import schemas.contracts
from producers.jobs.plans import Reject
from producers.jobs.publishing import publish_rejects
from schemas import codec
from schemas.contracts import __main__ as command
from schemas.contracts.documents import ASYNCAPI, documents
from schemas.contracts.examples import EXAMPLES
from schemas.contracts.gates import broken_promises
from schemas.contracts.json_schemas import json_schema, name_of
from schemas.errors import ContractError, DecodeError
from schemas.events import Event
from schemas.topics import BY_NAME, CONSUMERS, EVENT_TOPICS, dead_letters
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.settings import Endpoints
from stream_processors.runtime.dead_letters import publish_dead_letter, publish_resolution
from stream_processors.runtime.letters import ConsumerLetters, ResolutionKind
from tests.contract.documents.specifications import asyncapi_schema

FOLDER = Path(schemas.contracts.__file__).parent
KINDS = list(dict.fromkeys(kind for topic in EVENT_TOPICS for kind in topic.events))
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
__all__ = ["asyncapi_schema"]


def committed() -> dict[str, bytes]:
    return {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.json")}


def asyncapi() -> dict[str, Any]:
    return json.loads((FOLDER / ASYNCAPI).read_bytes())


def test_no_promise_of_a_committed_document_is_broken_by_the_code() -> None:
    assert not broken_promises(committed(), documents())


@pytest.mark.parametrize("path", documents())
def test_committed_document_is_what_the_code_generates(path: str) -> None:
    assert committed().get(path) == documents()[path], "run `make contracts`, and commit what it writes"


def test_every_other_committed_document_is_one_of_an_earlier_version() -> None:
    current = {kind.__name__: kind.schema_version for kind in KINDS}
    for path in committed().keys() - documents().keys():
        name, version, _ = Path(path).name.split(".")
        assert int(version.removeprefix("v")) < current[name], f"nothing generates {path}"


@every_kind
def test_json_schema_is_valid_by_the_metaschema(kind: type[Event]) -> None:
    Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_what_is_published_is_valid_by_its_json_schema(event: Event) -> None:
    schema = json.loads((FOLDER / "json" / f"{name_of(type(event))}.json").read_bytes())
    Draft202012Validator(schema).validate(json.loads(codec.encode(event)))


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_json_schema_refuses_what_the_codec_refuses(event: Event) -> None:
    """Each field in turn is missing, or of another type; unknown fields are welcome to both."""
    topic = next(topic for topic in EVENT_TOPICS if type(event) in topic.events)
    validator = Draft202012Validator(json_schema(type(event)))
    whole = json.loads(codec.encode(event))
    assert validator.is_valid(whole | {"added_later": 1})
    for field in whole:
        for changed in ({**whole, field: [1]}, {**whole, field: True}, {**whole, field: None}):
            if not validator.is_valid(changed):
                with pytest.raises(ContractError):
                    codec.decode(topic, msgspec.json.encode(changed))


@every_kind
def test_every_field_says_what_it_is(kind: type[Event]) -> None:
    schema = json_schema(kind)
    assert len(schema["description"]) > 20
    for name, field in schema["properties"].items():
        assert len(field["description"]) > 10, name
        assert "None" not in field["description"]
        assert "``" not in field["description"]


@every_kind
def test_keys_are_fields_of_the_event(kind: type[Event]) -> None:
    assert kind.natural_key
    assert {*kind.key_fields, *kind.natural_key} <= set(kind.__struct_fields__)


def test_asyncapi_document_is_valid_by_the_official_schema(asyncapi_schema: dict[str, Any]) -> None:
    Draft7Validator(asyncapi_schema).validate(asyncapi())


def test_official_schema_would_find_a_mistake(asyncapi_schema: dict[str, Any]) -> None:
    broken = copy.deepcopy(asyncapi())
    broken["channels"]["market.tick.v1"]["bindings"]["kafka"]["partitions"] = 0
    with pytest.raises(jsonschema.ValidationError):
        Draft7Validator(asyncapi_schema).validate(broken)


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return [*here, *(found for inside in part.values() for found in references(inside))]
    return [found for inside in part for found in references(inside)] if isinstance(part, list) else []


@pytest.mark.parametrize("topic", EVENT_TOPICS, ids=lambda topic: topic.name)
def test_channel_says_what_the_table_of_topics_says(topic: Any) -> None:
    channel = asyncapi()["channels"][topic.name]
    kafka = channel["bindings"]["kafka"]
    assert channel["x-owner"] == topic.owner
    assert {tag["name"] for tag in channel["tags"]} == {f"owner:{owner}" for owner in topic.owners}
    assert channel["summary"] == topic.about != ""
    assert list(channel["messages"]) == [kind.__name__ for kind in topic.events]
    assert kafka["partitions"] == topic.n_partitions
    assert kafka["topicConfiguration"].get("retention.ms") == topic.retention_ms
    assert asyncapi()["operations"][f"send.{topic.name}"]["action"] == "send"


def test_topic_of_two_owners_says_which_kind_is_whose() -> None:
    channel = asyncapi()["channels"]["sources.status.v1"]
    assert channel["x-owners"] == {"SourceStatusChanged": "market", "SourceHealthChanged": "collector"}
    assert "`SourceHealthChanged`, which `collector` alone writes" in channel["description"]


def test_channel_of_dead_letters_names_every_consumer() -> None:
    channel = asyncapi()["channels"]["dead_letters"]
    for consumer in channel["parameters"]["consumer"]["enum"]:
        topic = BY_NAME[channel["address"].format(consumer=consumer)]
        assert topic.n_partitions == channel["bindings"]["kafka"]["partitions"]
    assert channel["parameters"]["consumer"]["enum"] == list(CONSUMERS)


@every_kind
def test_examples_are_golden_bytes_with_their_headers(kind: type[Event]) -> None:
    message = asyncapi()["components"]["messages"][name_of(kind)]
    payload = Draft202012Validator(json_schema(kind))
    headers = Draft202012Validator(message["headers"])
    assert message["examples"]
    for example in message["examples"]:
        payload.validate(example["payload"])
        headers.validate(example["headers"])
        value = codec.encode(EXAMPLES[example["name"]])
        assert json.loads(value) == example["payload"]
        assert example["headers"]["trace-id"] == codec.trace_id(value)


def test_dead_letters_have_the_headers_that_are_documented(endpoints: Endpoints) -> None:
    """Read back from a broker: the letter of a bad message, its resolution, and a rejected row."""
    publisher = Publisher(endpoints.kafka, role="tests")
    bad = Record("market.tick.v1", 3, 99, b"key", b"{", (("schema", b"TickObserved"),), 1)
    publish_dead_letter(publisher, consumer="replay", record=bad, error=DecodeError("expected a tick"))
    letter = ConsumerLetters()
    reject = Reject(reason="r", value=b"{}", column="close", row=4, rule="is a number", file="f.parquet")
    publish_rejects(publisher, [reject])
    publisher.flush()
    (place,) = [(dead_letters("replay").name, 0)]
    for record in read_range(endpoints.kafka, {place: 0}):
        letter.take(record)
    publish_resolution(
        publisher, letter.letters["market.tick.v1/3/99"], ResolutionKind.DISCARDED, reason="a test"
    )
    publisher.flush()

    kinds = asyncapi()["components"]["messages"]
    for record in list(read_range(endpoints.kafka, {place: 0}))[-3:]:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        documented = "DeadLetterResolved" if "resolution" in headers else "RowRejected"
        schema = kinds["DeadLetter" if "error-class" in headers else documented]["headers"]
        Draft202012Validator(schema).validate(headers)
        own = {name for name in headers if not name.startswith("original-")}
        assert own <= schema["properties"].keys()


def test_command_writes_everything_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(tmp_path) == 0
    assert capsys.readouterr().out.count("wrote") == len(documents())
    assert command.main(tmp_path) == 0
    assert capsys.readouterr().out == ""


def test_command_refuses_to_overwrite_a_promise_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Regenerating must not be the way to make the gate fall silent."""
    command.main(tmp_path)
    path = tmp_path / "json" / "TickObserved.v1.json"
    promised = json.loads(path.read_bytes())
    promised["properties"]["side"] = {"type": "string"}
    path.write_bytes(json.dumps(promised).encode())

    assert command.main(tmp_path) == 1
    said = capsys.readouterr().err
    assert "side: the field is gone" in said
    assert "raise the kind's schema_version" in said
    assert "side" in path.read_text()
