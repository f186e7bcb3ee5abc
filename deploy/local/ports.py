"""Chooses ports of the loopback: the usual ones, or the next free ones above them.

All are below 32768, where the ports begin that Linux gives to outgoing connections. So no client
can take the port of a server while the server is being restarted.
"""

import socket
from typing import NamedTuple, Self

from schemas.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
_N_TRIED = 200


class PortChoice(NamedTuple):
    """How a server's port is chosen.

    Attributes:
        usual: The port that is taken if it is free.
        variable: The variable that sets the port explicitly.
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


class ClaimedPorts:
    """Ports that are chosen for servers that will listen soon, and that no other launcher chooses meanwhile.

    Seconds pass between the choice of a port and the moment when its server listens, and several launchers may
    start at once. So a chosen port is claimed: a datagram socket is bound to the same number,
    which the kernel gives to one process only and takes back however that process ends. No server
    here uses datagrams. As a context manager, it holds the claims for the block.
    """

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release all ports, so that other launchers may choose them."""
        while self._claims:
            self._claims.pop().close()

    def choose(self, choice: PortChoice, *, explicit: int | None = None, host: str = LOOPBACK) -> int:
        """Return the port to listen on, which is claimed until it is released.

        Args:
            choice: The usual port and its variable.
            explicit: The value of the variable, if it is set; it is taken even if it cannot be claimed.
            host: The address on which the server will listen.

        Raises:
            ConfigurationError: If the explicit port is in use, or no port is free.
        """
        if explicit is not None:
            if not is_free(explicit, host=host):
                message = (
                    f"{choice.variable}: port {explicit} of {host} is in use; "
                    "set another port, or unset it to take a free one"
                )
                raise ConfigurationError(message)
            self._claim(explicit)
            return explicit
        for port in range(choice.usual, choice.usual + _N_TRIED):
            if is_free(port, host=host) and self._claim(port):
                return port
        message = f"no port of {host} between {choice.usual} and {choice.usual + _N_TRIED} is free; set {choice.variable}"
        raise ConfigurationError(message)

    def _claim(self, port: int) -> bool:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((LOOPBACK, port))
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True
