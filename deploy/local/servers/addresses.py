"""Checks addresses of servers, and shows them without passwords.

It stands apart from the health checks so that the launcher needs none of the clients of servers.
"""

import socket
from urllib.parse import urlsplit

from schemas.errors import ConfigurationError


def check_external(variable: str, url: str, *, default_port: int) -> None:
    """Refuse the address of a server if nothing listens there.

    Args:
        variable: The variable that holds the address.
        url: A URL, or a list of ``host:port`` separated by commas.
        default_port: The port of addresses without one.

    Raises:
        ConfigurationError: If nothing listens there; the message names the variable.
    """
    addresses = [part if "://" in part else f"//{part.strip()}" for part in url.split(",")]
    if not any(listens(address, default_port=default_port) for address in addresses):
        message = (
            f"{variable}: nothing answers at {without_password(url)}; "
            "start that server, correct the address, or unset it to use the embedded one"
        )
        raise ConfigurationError(message)


def without_password(url: str) -> str:
    """Return a URL that may be shown."""
    if "@" not in url:
        return url
    scheme, _, rest = url.rpartition("://")
    credentials, _, where = rest.rpartition("@")
    user = credentials.split(":", 1)[0]
    return f"{scheme}://{user}@{where}"


def listens(url: str, *, default_port: int) -> bool:
    """Return whether something accepts connections at a URL (at least ``//host:port``)."""
    try:
        parts = urlsplit(url)
        address = (parts.hostname or "localhost", parts.port or default_port)
        with socket.create_connection(address, timeout=3.0):
            return True
    except (OSError, ValueError):
        return False
