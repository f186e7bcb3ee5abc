"""Settings: they are read once from a mapping that a ``__main__`` hands over, never from the process.

Every variable has the prefix ``DRIFTLINE_``. A field may name other variables that are usual for it, such
as ``DATABASE_URL``. A wrong value stops the start with one line that names the variable.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.companions import Companions, parse_companions, parse_credibility
from schemas.errors import ConfigurationError, NotReadyError
from schemas.sources import parse_sources
from schemas.wire.postgres.addresses import with_pooler

PREFIX = "DRIFTLINE_"
ENDPOINTS_FILE = "endpoints.json"


def variables_of(name: str, field: FieldInfo) -> list[str]:
    """Return the environment variables that set a field, the preferred one first."""
    usual = field.validation_alias
    extra = [str(choice) for choice in usual.choices] if isinstance(usual, AliasChoices) else []
    return [f"{PREFIX}{name}".upper(), *(variable for variable in extra if variable != name)]


class _MappingSource(PydanticBaseSettingsSource):
    """Field values from a mapping of environment variables."""

    def __init__(self, settings: type[BaseSettings], environment: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._environment = environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        for variable in variables_of(field_name, field):
            if variable in self._environment and self._environment[variable] != "":
                return self._environment[variable], field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


class EnvironmentSettings(BaseSettings):
    """The base of the settings of every package: frozen, from a mapping, and with errors that name the variable.

    A field that honours a usual variable declares
    ``validation_alias=AliasChoices("its_name", "USUAL_VARIABLE")``.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (the names are pydantic's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values that are handed over; the reading of the process by pydantic is switched off.

        Args:
            settings_cls: The class of the settings.
            init_settings: The values that are handed over.
            env_settings: The environment of the process, which is not read.
            dotenv_settings: A file ``.env``, which is not read.
            file_secret_settings: Files of secrets, which are not read.
        """
        return (init_settings,)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **overrides: Any) -> Self:
        """Return the settings that a mapping of environment variables states.

        Args:
            environment: The variables, as in ``os.environ``; an empty value counts as unset.
            overrides: Values that win over the mapping, such as command-line options; None is unset.

        Raises:
            ConfigurationError: If a value has the wrong form; the message names the variable.
        """
        values = _MappingSource(cls, environment)() | {k: v for k, v in overrides.items() if v is not None}
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigurationError(_named(cls, error)) from error


def _named(settings: type[BaseSettings], error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = settings.model_fields.get(name)
        variable = variables_of(name, field)[0] if field is not None else name
        lines.append(f"{variable}: {problem['msg']}, was {problem['input']!r}")
    return "; ".join(lines)


class KafkaEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The address of the broker, and whether it is the embedded one, which lacks some features of Kafka."""

    bootstrap_servers: str
    is_embedded: bool


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of the servers of a data directory: the content of ``endpoints.json``.

    Attributes:
        api_url: The address of the prediction API; None before it was started.
    """

    kafka: KafkaEndpoint
    redis_url: str
    database_url: str
    api_url: str | None = None


class ServerSettings(EnvironmentSettings):
    """The addresses of servers: the URLs that are set, otherwise those that the launcher of the data directory wrote."""

    data_dir: Path = Field(
        default=Path(".driftline"), description="The folder of the embedded servers and of the registry."
    )
    kafka_bootstrap_servers: str | None = Field(
        default=None,
        validation_alias=AliasChoices("kafka_bootstrap_servers", "KAFKA_BOOTSTRAP_SERVERS"),
        description="host:port of an external broker; unset means the embedded one.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("redis_url", "REDIS_URL"),
        description="redis:// URL of an external Redis or Valkey; unset means the embedded one.",
    )
    database_pooled: bool | None = Field(
        default=None,
        description="Whether a transaction pooler, such as PgBouncer, stands before the database, so that no statement "
        "is prepared. If it is unset, `pgbouncer=true` in the URL or the host of one of Neon's poolers says so.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="postgresql:// URL of an external Postgres, with what TLS it asks for; unset means the embedded one.",
    )
    companions: str | None = Field(
        default=None,
        description="The companions of instruments, whose features are joined to the instrument's own for its "
        "models: BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE, several instruments separated by "
        "semicolons. News is joined as news/ with the ids of its scorers: news/vader@HASH/textblob@HASH; the launcher "
        "takes names alone, such as news/vader/textblob, and adds the hashes. If it is unset, models see market "
        "features alone, and nothing is joined.",
    )
    news_credibility: str | None = Field(
        default=None,
        description="How far each source of news is believed, from 0 to 1: coindesk:1.0,cryptoslate:0.8. The weight is "
        "part of the news features, so another weight makes another set of features. Sources that are not named "
        "have the weight 1.",
    )
    sources: str | None = Field(
        default=None,
        description="The source of each instrument whose source is not named after its venue: "
        "binance-futures:BTC-USDT-PERP.BINANCE,ETH-USDT-PERP.BINANCE, several sources separated by semicolons. "
        "If it is unset, every instrument belongs to the source of its venue.",
    )

    @field_validator("database_url")
    @classmethod
    def _states_the_pooler(cls, url: str | None, info: ValidationInfo) -> str | None:
        is_pooled = info.data.get("database_pooled")
        return url if url is None or is_pooled is None else with_pooler(url, is_pooled=is_pooled)

    def parsed_sources(self) -> dict[str, str]:
        """Return the source of each instrument whose source is not named after its venue.

        Raises:
            ConfigurationError: If the setting has another form.
        """
        return parse_sources(self.sources)

    def parsed_companions(self) -> dict[str, Companions]:
        """Return the companions of each instrument that has companions.

        Raises:
            ConfigurationError: If the setting has another form.
        """
        return parse_companions(self.companions, credibility=self.parsed_credibility())

    def parsed_credibility(self) -> dict[str, float]:
        """Return the credibility of each source of news for which it is stated.

        Raises:
            ConfigurationError: If the setting has another form.
        """
        return parse_credibility(self.news_credibility)

    def endpoints(self) -> Endpoints:
        """Return the servers to use.

        Raises:
            NotReadyError: If a server is neither set nor running in the data directory.
            ConfigurationError: If ``endpoints.json`` is not readable as such.
        """
        stored = self._stored()
        kafka = self._kafka(stored)
        redis_url = self.redis_url or (stored.redis_url if stored is not None else None)
        database_url = self.database_url or (stored.database_url if stored is not None else None)
        if redis_url is None:
            raise NotReadyError(self._missing("REDIS_URL"))
        if database_url is None:
            raise NotReadyError(self._missing("DATABASE_URL"))
        return Endpoints(
            kafka=kafka,
            redis_url=redis_url,
            database_url=database_url,
            api_url=stored.api_url if stored is not None else None,
        )

    def kafka_endpoint(self) -> KafkaEndpoint:
        """Return the broker alone, for callers that need no other server.

        Raises:
            NotReadyError: If the broker is neither set nor running in the data directory.
            ConfigurationError: If ``endpoints.json`` is not readable as such.
        """
        return self._kafka(self._stored())

    def _kafka(self, stored: Endpoints | None) -> KafkaEndpoint:
        if self.kafka_bootstrap_servers is not None:
            if stored is not None and stored.kafka.bootstrap_servers == self.kafka_bootstrap_servers:
                return stored.kafka
            return KafkaEndpoint(bootstrap_servers=self.kafka_bootstrap_servers, is_embedded=False)
        if stored is None:
            raise NotReadyError(self._missing("KAFKA_BOOTSTRAP_SERVERS"))
        return stored.kafka

    def _stored(self) -> Endpoints | None:
        path = self.data_dir / ENDPOINTS_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=Endpoints)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, OSError) as error:
            message = f"{path} is not a list of endpoints ({error}); delete it and start again"
            raise ConfigurationError(message) from error

    def _missing(self, variable: str) -> str:
        return f"no servers are running in {self.data_dir}: run `driftline up`, or set {variable}"


class JobSettings(ServerSettings):
    """The settings of every job on the log."""

    worker_id: str = Field(
        default="0",
        pattern=r"[A-Za-z0-9._-]{1,40}",
        description="The name of this worker among the workers of its job. Workers that run at the same time need "
        "different names; a worker that starts again keeps its name, and with it its partitions.",
    )
