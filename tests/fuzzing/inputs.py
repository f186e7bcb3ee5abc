"""Inputs of the fuzzer: a byte that chooses the topic, then the message."""

from pathlib import Path

from schemas.topics import EVENT_TOPICS, MARKET_TICK, Topic

GOLDEN = Path(__file__).resolve().parents[1] / "contract" / "golden"


def golden_values() -> dict[str, bytes]:
    """The golden bytes of every version, by name."""
    lines = [line for path in sorted(GOLDEN.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return {name.decode(): value for name, value in (line.split(b" ", 1) for line in lines)}


def messages() -> dict[str, bytes]:
    """The golden bytes, and a trade that is as plain as most are, so that the compiled scan takes it."""
    golden = golden_values()
    return {**golden, "plain_tick": golden["tick_observed"].replace(b"1e-8", b"0.25")}


def seeds() -> dict[str, bytes]:
    """Every message on every topic, by name of file."""
    return {
        f"seed-{name}-{number}": bytes([number]) + value
        for name, value in messages().items()
        for number in range(len(EVENT_TOPICS))
    }


def taken_apart(data: bytes) -> tuple[Topic, bytes]:
    """The topic and the message of an input; half of them are for the one that is scanned too."""
    number = data[0] if data else 0
    return (EVENT_TOPICS[number % len(EVENT_TOPICS)] if number < 128 else MARKET_TICK), data[1:]
