"""How a connection to Postgres is opened, by its URL: directly or through a pooler, nearby or far away.

A transaction pooler, such as PgBouncer, gives each transaction any connection of the server, so that nothing may be
kept in a session. psycopg prepares a statement after some executions and would not find it again, so behind a
pooler it prepares none. A pooler is recognised by ``pgbouncer=true`` in the URL, as other clients write it, or by the
host of Neon's poolers. Everything else in the URL is libpq's, such as ``sslmode`` and ``channel_binding``.

Source:
    psycopg documentation, "Prepared statements"; Neon documentation, "Connection pooling".
"""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from schemas.errors import ConfigurationError

#: The parameter of the URL, which libpq does not know.
POOLER = "pgbouncer"
_POOLED_HOST = "-pooler"
_NEON = ".neon.tech"
_NEARBY = {"", "localhost", "127.0.0.1", "::1"}
#: A hosted database that sleeps while nobody asks it needs some seconds to wake up.
_NEARBY_TIMEOUT_S, _FAR_TIMEOUT_S = 3, 15
_NEARBY_PATIENCE_S, _FAR_PATIENCE_S = 5.0, 20.0


class StoreAddress(NamedTuple):
    """Where Postgres is.

    Attributes:
        url: The URL that libpq takes.
        is_pooled: Whether a transaction pooler stands before the server.
        is_nearby: Whether it runs on this machine.
    """

    url: str
    is_pooled: bool
    is_nearby: bool

    @property
    def patience_s(self) -> float:
        """The seconds that a call waits for a connection, if the caller names no others."""
        return _NEARBY_PATIENCE_S if self.is_nearby else _FAR_PATIENCE_S

    def options(self) -> dict[str, Any]:
        """Return the arguments of a connection beside the URL."""
        stated = dict(parse_qsl(urlsplit(self.url).query))
        timeout_s = _NEARBY_TIMEOUT_S if self.is_nearby else _FAR_TIMEOUT_S
        timeout = {} if "connect_timeout" in stated else {"connect_timeout": timeout_s}
        return timeout | ({"prepare_threshold": None} if self.is_pooled else {})


def check_url(database_url: str) -> None:
    """Refuse a text that is not a URL of Postgres.

    Raises:
        ConfigurationError: If it is not such a URL.
    """
    if not database_url.startswith(("postgresql://", "postgres://")):
        message = "DATABASE_URL must look like postgresql://user:password@host:port/name"
        raise ConfigurationError(message)


def address_of(database_url: str) -> StoreAddress:
    """Return how Postgres is reached by a URL.

    Raises:
        ConfigurationError: If it is not a URL of Postgres.

    Example:
        >>> address_of("postgresql://u@ep-x-pooler.eu-central-1.aws.neon.tech/db?sslmode=require").is_pooled
        True
    """
    check_url(database_url)
    try:
        parts = urlsplit(database_url)
        host = parts.hostname or ""
    except ValueError as error:
        message = f"DATABASE_URL is no URL: {error}"
        raise ConfigurationError(message) from error
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    stated = [value for name, value in parameters if name == POOLER]
    is_neons = host.endswith(_NEON) and host.split(".")[0].endswith(_POOLED_HOST)
    is_pooled = _is_true(stated[-1]) if stated else is_neons
    kept = urlencode([(name, value) for name, value in parameters if name != POOLER])
    url = urlunsplit(parts._replace(query=kept)) if stated else database_url
    return StoreAddress(url, is_pooled=is_pooled, is_nearby=host in _NEARBY)


def with_pooler(database_url: str, *, is_pooled: bool) -> str:
    """Return a URL that states whether a pooler stands before the server."""
    parts = urlsplit(database_url)
    others = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != POOLER
    ]
    query = urlencode([*others, (POOLER, "true" if is_pooled else "false")])
    return urlunsplit(parts._replace(query=query))


def _is_true(value: str) -> bool:
    if value.lower() in {"true", "1", "yes", "on"}:
        return True
    if value.lower() in {"false", "0", "no", "off"}:
        return False
    message = f"{POOLER} in DATABASE_URL must be true or false, was {value!r}"
    raise ConfigurationError(message)
