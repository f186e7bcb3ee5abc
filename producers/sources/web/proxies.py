"""The proxy of a host, by the usual variables: ``HTTPS_PROXY`` or ``ALL_PROXY``, and ``NO_PROXY``.

The mirror is always reached directly.
"""


def proxy_for(host: str, *, proxy: str | None, no_proxy: str) -> str | None:
    """Return the URL of the proxy through which a host is reached; None for the direct way.

    Args:
        host: With its port if it names one.
        proxy: The proxy that is set; None if none is.
        no_proxy: Hosts and domains that are reached directly, separated by commas; a star means all.

    Example:
        >>> proxy_for("a.example.com", proxy="http://proxy:3128", no_proxy="example.com") is None
        True
    """
    if proxy is None or _is_direct(host, no_proxy):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_direct(host: str, no_proxy: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    listed = [each.strip().lower() for each in no_proxy.split(",") if each.strip()]
    domains = (each.removeprefix("*").removeprefix(".") for each in listed)
    return "*" in listed or any(host == each or f".{name}".endswith(f".{each}") for each in domains)
