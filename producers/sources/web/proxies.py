"""The proxy of a host, by the usual variables: ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in either case.

The mirror is always reached directly.
"""

from collections.abc import Mapping

VARIABLES = ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def proxies_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name proxies, in upper case; the lower case of a variable wins, as elsewhere."""
    found = {name: environment.get(name.lower()) or environment.get(name) or "" for name in VARIABLES}
    return {name: value for name, value in found.items() if value}


def proxy_for(host: str, proxies: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy through which a host is reached; None for the direct way.

    Args:
        host: With its port if it names one.
        proxies: What :func:`proxies_in` found.

    Example:
        >>> proxy_for("a.example.com", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}) is None
        True
    """
    url = proxies.get("HTTPS_PROXY") or proxies.get("ALL_PROXY")
    if url is None or _is_direct(host, proxies.get("NO_PROXY", "")):
        return None
    return url if "://" in url else f"http://{url}"


def _is_direct(host: str, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` names a host: itself, a domain above it, or everything by a star."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    listed = (each.strip().lower().removeprefix("*").removeprefix(".") for each in no_proxy.split(","))
    stars = {each.strip() for each in no_proxy.split(",")}
    return "*" in stars or any(each and (f".{name}".endswith(f".{each}") or each == host) for each in listed)
