"""Which addresses may be asked: public ones of https, whatever a redirect, a link or a name server says.

A name is resolved once, and the connection goes to the address that was checked, so that a name server cannot answer
differently the second time.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from producers.sources.fetching import SourceUnreachableError

#: Resolves a name and a port into addresses.
Resolve = Callable[[str, int], Sequence[str]]

_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa", "localdomain")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefusedError(SourceUnreachableError):
    """The address is private, loopback or link-local, or none of https, so nothing was sent."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, by the machine's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Example:
        >>> [is_public(each) for each in ("1.1.1.1", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1")]
        [True, False, False, False]
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast


def public_addresses(host: str, port: int, *, resolving: Resolve = resolve) -> Sequence[str]:
    """Return the public addresses of a host.

    Args:
        host: A name or an address.
        port: To which the connection goes.
        resolving: Resolves the name.

    Raises:
        AddressRefusedError: If it has only others.
        OSError: If it cannot be resolved.
    """
    check_host(host)
    found = [address for address in resolving(host, port) if is_public(address)]
    if not found:
        message = f"{host} has no public address, so it is not asked"
        raise AddressRefusedError(message)
    return found


def check_host(host: str) -> None:
    """Check a host by its name alone, as far as that goes; names behind a proxy are resolved there.

    Raises:
        AddressRefusedError: If it is an address that is not public, or a name of a local network.
    """
    name = host.rstrip(".").lower()
    is_address = ":" in name or name.replace(".", "").isdigit() or name.startswith("0x")
    is_local = name in _LOCAL_NAMES or name.endswith(tuple(f".{each}" for each in _LOCAL_NAMES))
    if (is_address and not is_public(name)) or is_local or not name:
        message = f"{host or 'an address without a host'} is not public, so it is not asked"
        raise AddressRefusedError(message)


def host_of(url: str, *, scheme: str = "https") -> str:
    """Return the host of an address, with its port if it names one.

    Raises:
        ValueError: If the address is none of the scheme, has no host, or names a user.
    """
    parts = urlsplit(url)
    has_port = parts.port is not None  # a port that is no number raises
    if parts.scheme != scheme or not parts.hostname or "@" in parts.netloc:
        message = f"an address must look like {scheme}://host/path, was {shown(url)!r}"
        raise ValueError(message)
    return f"{parts.hostname}:{parts.port}" if has_port else parts.hostname


def shown(url: str) -> str:
    """Return an address as errors and logs show it: without its query, which may hold a key.

    Example:
        >>> shown("https://api.example.com/v1/price?key=secret")
        'api.example.com/v1/price'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
