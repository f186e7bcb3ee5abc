"""The parts that payloads of several groups of routes share: their base class, the stores, simulated prices."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from schemas.assets import Answering
from schemas.instruments import parse_instrument
from schemas.sources import SOURCES
from schemas.streams import StreamKind

EXAMPLE_HASH = "9f2c4e1b7a3d5f60817263544536271809fae1d2c3b4a5968778695a4b3c2d1e"


class Payload(BaseModel):
    """The base class of all answers."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class AnsweredPayload(Payload):
    """The base class of answers of one instrument, which was named or answers for its asset."""

    fallback_from: str | None = Field(
        description="The first instrument in the rank of the asset, if another one answers because that is not "
        "healthy. Null if the first answers, or if the request names the instrument itself.",
        examples=[None],
    )
    fallback_reason: str | None = Field(
        description="Why each instrument that ranks higher does not answer; null if none does.",
        examples=[None],
    )


def fallback_fields(answering: Answering) -> dict[str, str | None]:
    """Return the fields of an :class:`AnsweredPayload` that say why another instrument than the first answers."""
    passed_over = answering.passed_over
    return {
        "fallback_from": passed_over[0][0] if passed_over else None,
        "fallback_reason": "; ".join(f"{name}: {reason}" for name, reason in passed_over) or None,
    }


class Store(StrEnum):
    """The store that an answer was read from."""

    REDIS = "redis"
    POSTGRES = "postgres"


def is_simulated(*, source: str, instrument: str, kind: StreamKind) -> bool:
    """Return whether prices are invented. One sign of it is enough.

    Args:
        source: The name of the event's source.
        instrument: The name of its instrument.
        kind: The kind of the run that it belongs to.
    """
    spec = SOURCES.get(source)
    return (
        kind is StreamKind.SIMULATION
        or parse_instrument(instrument).is_simulated
        or (spec is not None and spec.is_simulated)
    )
