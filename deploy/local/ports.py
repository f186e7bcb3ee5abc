"""Which ports of the loopback to take: the usual ones, or the next free ones above.

All lie below 32768, where Linux begins to hand ports to outgoing connections, so that no client
can take a server's port while that is being restarted.
"""

import socket
from collections.abc import Collection
from typing import NamedTuple

from schemas.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
_N_TRIED = 200


class PortChoice(NamedTuple):
    """How a server's port is chosen.

    Attributes:
        usual: Taken when it is free.
        variable: Sets it explicitly.
    """

    usual: int
    variable: str


KAFKA = PortChoice(19092, "DRIFTLINE_KAFKA_PORT")
REDIS = PortChoice(16379, "DRIFTLINE_REDIS_PORT")
POSTGRES = PortChoice(15432, "DRIFTLINE_POSTGRES_PORT")
API = PortChoice(8000, "DRIFTLINE_PORT")


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on a port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def choose_port(
    choice: PortChoice, *, explicit: int | None, host: str = LOOPBACK, excluded: Collection[int] = ()
) -> int:
    """The port to listen on.

    Args:
        explicit: What the variable says, if it is set.
        excluded: Ports that others are about to take.

    Raises:
        ConfigurationError: If the explicit port is in use, or none is free.
    """
    if explicit is not None:
        if not is_free(explicit, host=host):
            message = (
                f"{choice.variable}: port {explicit} of {host} is in use; "
                "set another, or unset it to take a free one"
            )
            raise ConfigurationError(message)
        return explicit
    for port in range(choice.usual, choice.usual + _N_TRIED):
        if port not in excluded and is_free(port, host=host):
            return port
    message = f"no port of {host} between {choice.usual} and {choice.usual + _N_TRIED} is free; set {choice.variable}"
    raise ConfigurationError(message)
