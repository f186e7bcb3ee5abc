"""The commands of this package: ``serve`` and ``scoring``.

Slow imports stand inside the commands, so that ``--help`` is quick.
"""

import gc
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from api.settings import ApiSettings
from schemas.errors import ConfigurationError
from schemas.wire.processes import stop_on_signals

_GRACE_S = 3


@click.group(help="Make predictions, and serve them over HTTP.")
def commands() -> None:
    """Return the command group that ``driftline`` mounts."""


@commands.command()
@click.option("--host", help="The address to listen on [DRIFTLINE_HOST, 127.0.0.1].")
@click.option("--port", type=int, help="The port to listen on, 0 for a free one [DRIFTLINE_PORT, 8000].")
@click.option("--stream", help="The run to serve [DRIFTLINE_STREAM, live].")
@click.option("--access-log/--no-access-log", default=False, help="Log a line per request.")
@click.pass_obj
def serve(
    environment: Mapping[str, str],
    *,
    host: str | None,
    port: int | None,
    stream: str | None,
    access_log: bool,
) -> None:
    """Serve predictions over HTTP, and the page at /."""
    settings = ApiSettings.from_environment(environment, host=host, port=port, stream=stream)
    endpoints = settings.endpoints()
    listening = listening_socket(settings.host, settings.port)

    import structlog
    import uvicorn

    from api.app import create_app

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn's own method raises the signal again at the end, so that the process would end with an error code.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.handle_exit)
            yield

    config = uvicorn.Config(
        create_app(settings, endpoints=endpoints),
        access_log=access_log,
        log_level="info" if access_log else "warning",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    # Everything that exists by now lives as long as the process, so the garbage collector need not look at it.
    gc.freeze()
    host_name, port_number = listening.getsockname()[:2]
    structlog.get_logger(__name__).info(
        "serving", url=f"http://{host_name}:{port_number}/", stream=settings.stream
    )
    Server(config).run(sockets=[listening])


@commands.command()
@click.option("--stream", help="The run to predict [DRIFTLINE_STREAM, live].")
@click.pass_obj
def scoring(environment: Mapping[str, str], *, stream: str | None) -> None:
    """Predict at every bar's close with every promoted version of the registry."""
    settings = ApiSettings.from_environment(environment, stream=stream)
    endpoints = settings.endpoints()

    from api.scoring.jobs import run_scoring

    run_scoring(settings, endpoints=endpoints, stop=stop_on_signals())


def listening_socket(host: str, port: int) -> socket.socket:
    """Open the listening socket, so that a port that is in use is reported before anything is loaded.

    Raises:
        ConfigurationError: If the address and port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The socket names its protocol, because asyncio switches Nagle's algorithm off only for such sockets.
    # With the algorithm on, every second answer on a connection waits for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        message = (
            f"DRIFTLINE_PORT: cannot listen on {host}:{port} ({error.strerror}); "
            "set DRIFTLINE_PORT to a free port, or to 0 to have one chosen"
        )
        raise ConfigurationError(message) from error
    listening.listen(128)
    return listening
