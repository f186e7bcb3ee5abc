"""The settings of the launcher: where it keeps its data, and which ports it takes.

The settings that choose the run are those of the producers: see ``producers.settings``.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field

from schemas.wire.settings import ServerSettings

Port = Annotated[int, Field(ge=1, le=65535)]


class KafkaEngine(StrEnum):
    """The broker that the launcher runs: the embedded one, which forgets, or Apache Kafka, which needs Java."""

    EMBEDDED = "embedded"
    APACHE = "apache"


class LauncherSettings(ServerSettings):
    """The settings of ``driftline up``."""

    kafka: KafkaEngine = Field(
        default=KafkaEngine.EMBEDDED,
        description="`apache` runs Apache Kafka, which needs Java 17 and, the first time, Maven; its log "
        "outlives a restart. It excludes KAFKA_BOOTSTRAP_SERVERS.",
    )
    kafka_port: Port | None = Field(
        default=None,
        description="The port of the broker that runs here; unset means 19092, or a free port above it.",
    )
    redis_port: Port | None = Field(
        default=None,
        description="The port of the embedded Valkey; unset means 16379, or a free port above it.",
    )
    postgres_port: Port | None = Field(
        default=None,
        description="The port of the embedded Postgres; unset means 15432, or a free port above it.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address on which the API listens. By default only this machine reaches it, because "
        "nothing asks for a password.",
    )
    port: Port | None = Field(
        default=None,
        validation_alias=AliasChoices("port", "PORT"),
        description="The port on which the API listens; unset means 8000, or a free port above it.",
    )
    recorded_data: Path = Field(
        default=Path("../shared/data"),
        description="The folder of the recorded data for tests; `driftline doctor` looks there.",
    )
    mirror_rate: float = Field(
        default=20.0,
        ge=0,
        description="Trades a second on average of the mirror that SOURCE=mirror starts, in [0, ...): 20 is an ordinary "
        "hour of BTC. 0 plays them as recorded, 129 a second. A data directory keeps the rate of its first start.",
    )
