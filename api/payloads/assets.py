"""The payloads of assets: the rank and the health of their instruments, and which one answers."""

from pydantic import Field

from api.payloads.shared import AnsweredPayload, Payload
from schemas.streams import StreamKind
from schemas.time import Interval


class RankedInstrumentPayload(Payload):
    """One instrument of an asset, and whether it may answer for it."""

    rank: int = Field(description="1 for the instrument that is preferred.", examples=[1])
    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    source: str = Field(examples=["binance"])
    is_healthy: bool
    reason: str | None = Field(description="Why it is not healthy; null if it is.")
    newest_bar_ms: int | None = Field(
        description="The end of the newest bar of its shortest interval; null if it has no bars."
    )
    newest_bar_age_s: float | None = Field(description="By the clock of the run; null if it is not known.")


class AssetAnswerPayload(AnsweredPayload):
    """The instrument that answers for an asset with predictions of one target."""

    interval: Interval = Field(examples=["15m"])
    horizon: Interval = Field(examples=["15m"])
    is_default: bool = Field(
        description="Whether a request that names neither interval nor horizon means this target."
    )
    instrument: str = Field(examples=["BTC-USDT.BINANCE"])


class AssetPayload(Payload):
    """An asset, its ranked instruments, and which of them answers."""

    asset: str = Field(examples=["BTC"])
    instruments: list[RankedInstrumentPayload]
    answers: list[AssetAnswerPayload] = Field(
        description="The instrument that answers now, for each served target, the default one first."
    )


class AssetsPayload(Payload):
    """Lists the assets of a run."""

    stream: str
    stream_kind: StreamKind
    now_ms: int | None = Field(description="The clock of the run; null if it is not known.")
    assets: list[AssetPayload]
