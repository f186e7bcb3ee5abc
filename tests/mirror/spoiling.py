"""What a failure makes of an answer."""

import json
import re
import uuid

from tests.mirror.answers import Answer
from tests.mirror.faults import Fault

CHALLENGE = (
    "<!DOCTYPE html><html lang='en-US'><head><title>Just a moment...</title></head>"
    "<body><h1>Checking your browser before you proceed</h1><p>Ray ID: 9a1b2c3d4e5f</p></body></html>"
)
GUID = re.compile(r"(<guid[^>]*>)(.*?)(</guid>)", re.DOTALL)
ITEM = re.compile(r"<item>.*?</item>\s*", re.DOTALL)
SAYS = {
    403: "Forbidden", 418: "I'm a teapot", 429: "Too Many Requests", 500: "Internal Server Error",
    451: '{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\'"}',
}  # fmt: skip


def spoiled(answer: Answer, fault: Fault) -> Answer:
    """Return the answer that a failure makes; ``slow``, ``drip`` and ``cut`` change how it is sent and not the answer."""
    match fault.kind:
        case "status":
            headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
            text = fault.text or SAYS.get(fault.status, "")
            return Answer(
                text.encode(), fault.status, fault.content_type or "text/plain; charset=utf-8", headers
            )
        case "html":
            return Answer(CHALLENGE.encode(), 200, "text/html; charset=utf-8")
        case "body":
            return Answer(fault.text.encode(), 200, fault.content_type or answer.content_type)
        case "encoding":
            return answer._replace(body=_wrongly_encoded(answer.body), headers={})
        case "guids":
            return answer._replace(body=_other_guids(answer.body.decode(), fault.n_hit).encode(), headers={})
        case "empty":
            return answer._replace(body=emptied(answer.body), headers={})
    return answer


def _wrongly_encoded(body: bytes) -> bytes:
    """Return the text in another encoding than it says; an accent makes the difference felt everywhere."""
    return body.decode().replace("Bitcoin", "Bitco\xefn").encode("cp1252", "replace")


def _other_guids(text: str, turn: int) -> str:
    """Return a feed in which every item has another GUID, another one at each turn."""
    return GUID.sub(
        lambda found: f"{found[1]}{uuid.uuid5(uuid.NAMESPACE_URL, found[2] + str(turn))}{found[3]}", text
    )


def emptied(body: bytes) -> bytes:
    """Return an answer of the same form without content."""
    try:
        value = json.loads(body)
    except ValueError:
        return ITEM.sub("", body.decode()).encode()
    return json.dumps(_without_items(value)).encode()


def _without_items(value: object) -> object:
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        inner = {name: _without_items(each) for name, each in value.items()}
        return inner if any(isinstance(each, list | dict) for each in value.values()) else {}
    return value
