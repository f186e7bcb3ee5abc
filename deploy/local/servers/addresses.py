"""Addresses of servers: whether something listens there, and how to show them.

It stands apart from the health checks so that the launcher needs none of the servers' clients.
"""

import socket
from urllib.parse import urlsplit

from schemas.errors import ConfigurationError


def check_external(variable: str, url: str, *, default_port: int) -> None:
    """Refuse a server's address where nothing listens.

    Args:
        url: A URL, or ``host:port`` with more of them behind commas.

    Raises:
        ConfigurationError: If nothing does; names the variable.
    """
    addresses = [part if "://" in part else f"//{part.strip()}" for part in url.split(",")]
    if not any(listens(address, default_port=default_port) for address in addresses):
        message = (
            f"{variable}: nothing answers at {without_password(url)}; "
            "start that server, correct the address, or unset it to use the embedded one"
        )
        raise ConfigurationError(message)


def without_password(url: str) -> str:
    """A URL that may be shown."""
    if "@" not in url:
        return url
    scheme, _, rest = url.rpartition("://")
    credentials, _, where = rest.rpartition("@")
    user = credentials.split(":", 1)[0]
    return f"{scheme}://{user}@{where}"


def listens(url: str, *, default_port: int) -> bool:
    """Whether something accepts connections at a URL (``//host:port`` at least)."""
    try:
        parts = urlsplit(url)
        address = (parts.hostname or "localhost", parts.port or default_port)
        with socket.create_connection(address, timeout=3.0):
            return True
    except (OSError, ValueError):
        return False
