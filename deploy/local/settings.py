"""The launcher's settings: where it keeps its data, which ports it takes.

Which run it starts is the producers' to say: see ``producers.settings``.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field

from schemas.wire.settings import ServerSettings

Port = Annotated[int, Field(ge=1, le=65535)]


class KafkaEngine(StrEnum):
    """Which broker the launcher runs: the embedded one, which forgets, or Apache Kafka, which needs Java."""

    EMBEDDED = "embedded"
    APACHE = "apache"


class LauncherSettings(ServerSettings):
    """What ``driftline up`` reads."""

    kafka: KafkaEngine = Field(
        default=KafkaEngine.EMBEDDED,
        description="`apache` runs Apache Kafka, which needs Java 17 and, the first time, Maven; its log "
        "outlives a restart. Not together with KAFKA_BOOTSTRAP_SERVERS.",
    )
    kafka_port: Port | None = Field(
        default=None, description="Of the broker that is run here; unset means 19092, or a free one above."
    )
    redis_port: Port | None = Field(
        default=None, description="Of the embedded Valkey; unset means 16379, or a free one above."
    )
    postgres_port: Port | None = Field(
        default=None, description="Of the embedded Postgres; unset means 15432, or a free one above."
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address that the API listens on. The default is this machine alone: nothing "
        "asks for a password.",
    )
    port: Port | None = Field(
        default=None,
        validation_alias=AliasChoices("port", "PORT"),
        description="Where the API listens; unset means 8000, or a free one above.",
    )
    recorded_data: Path = Field(
        default=Path("../shared/data"),
        description="Where recorded data for tests lies; the doctor looks there.",
    )
