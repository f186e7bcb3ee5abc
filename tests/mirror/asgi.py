"""The words of ASGI, and where a request goes."""

from collections.abc import Awaitable, Callable

Send = Callable[[dict], Awaitable[None]]
Receive = Callable[[], Awaitable[dict]]


def place(scope: dict) -> tuple[str, str, str]:
    """Return the host without its port, the path with a slash, and the query."""
    host, _, path = scope["path"].lstrip("/").partition("/")
    return host.partition(":")[0].lower(), "/" + path, scope["query_string"].decode()


def headers_of(scope: dict) -> dict[str, str]:
    """Return the headers of a request by their names in small letters."""
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
