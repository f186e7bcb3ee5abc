"""The canonical address of an article, and the id that follows from it.

A feed, a page and a shared link name one article by several addresses: with parameters that track readers, with a
fragment, with ``http``, as an AMP page. They get one address here. Whether an address ends in a slash is left as the
publisher writes it, because his server may know only one form; two addresses are compared by :func:`comparable`,
which ignores the slash.
"""

import hashlib
import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urljoin, urlsplit

from producers.normalise.news.rules import ItemRefusedError, Rule

#: Shorter than a row of an index of Postgres may be.
LONGEST_ADDRESS = 2_000
_ID_DIGITS = 24
_TRACKING = re.compile(
    r"""utm_.*|mtm_.*|pk_.*|hsa_.*|vero_.*|at_(medium|campaign|custom\d*|link.*|format|bbc_team|ptr_name)|_hs(enc|mi)
    |[a-z]*clid|gclsrc|wbraid|gbraid|mc_[ce]id|mkt_tok|igshid?|yclid|ysclid|twclid|li_fat_id|ref|ref_?src|ref_?url
    |referrer|source|src|cmp(id)?|ncid|ito|ocid|sr_share|guccounter|guce_referrer.*|soc_(src|trk)|smid|smtyp
    |__twitter_impression|share(d|_id)?|fb_ref|fb_source|feature|taid|via|partner|rss|feed|amp|outputtype|_ga|_gl|cx_.*""",
    re.VERBOSE | re.IGNORECASE,
)
_AMP_PATH = re.compile(r"/amp/?$|(?<=^)/amp(?=/)", re.IGNORECASE)
_FRONTS = ("www.", "amp.", "m.", "mobile.")
_DEFAULT_PORTS = {80, 443}


def canonical_address(address: str, *, base: str | None = None) -> str:
    """Return an address without tracking, fragment and AMP, with ``https`` and its host in lower case.

    Args:
        address: As a feed or a page states it.
        base: The address of the page that states it, for an address that is relative.

    Raises:
        ItemRefusedError: If it is no address of the web, or is longer than 2,000 characters.

    Example:
        >>> canonical_address("http://WWW.coindesk.com/markets/a?utm_source=rss&page=2#top")
        'https://www.coindesk.com/markets/a?page=2'
    """
    parts = _parts(address, base)
    path = quote(_AMP_PATH.sub("", parts.path) or "/", safe="/%:@!$&'()*+,;=~-._")
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name)
    ]
    query = f"?{urlencode(kept)}" if kept else ""
    found = f"https://{_host_and_port(parts)}{path}{query}"
    if len(found) > LONGEST_ADDRESS:
        message = f"expected an address of at most {LONGEST_ADDRESS} characters, was {len(found)} long"
        raise ItemRefusedError(Rule.ADDRESS, message)
    return found


def _parts(address: str, base: str | None) -> SplitResult:
    text = re.sub(r"[\s\x00-\x1f]+", "", address)
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        is_web = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.username is None
        _ = parts.port
    except ValueError as error:
        message = f"expected an address of the web, was {text[:200]!r}: {error}"
        raise ItemRefusedError(Rule.ADDRESS, message) from error
    if not is_web:
        message = f"expected an address of the web, was {text[:200]!r}"
        raise ItemRefusedError(Rule.ADDRESS, message)
    return parts


def _host_and_port(parts: SplitResult) -> str:
    host = host_in_ascii((parts.hostname or "").rstrip("."))
    if host.startswith("amp."):
        host = f"www.{host.removeprefix('amp.')}"
    return host if parts.port is None or parts.port in _DEFAULT_PORTS else f"{host}:{parts.port}"


def host_in_ascii(host: str) -> str:
    """Return a host's name in lower case and in the letters of the network.

    Raises:
        ItemRefusedError: If it is no name of a host.
    """
    try:
        return host.lower() if host.isascii() else host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        message = f"expected the name of a host, was {host[:100]!r}"
        raise ItemRefusedError(Rule.ADDRESS, message) from error


def site_of(address: str) -> str:
    """Return the host of an address without ``www.``, ``m.`` and the like, by which two pages are of one site.

    Example:
        >>> site_of("https://www.coindesk.com/markets")
        'coindesk.com'
    """
    host = (urlsplit(address).hostname or "").lower()
    for front in _FRONTS:
        host = host.removeprefix(front)
    return host


def is_of_site(address: str, site: str) -> bool:
    """Return whether an address lies on a site or on one of its subdomains."""
    host = site_of(address)
    return host == site or host.endswith(f".{site}")


def comparable(address: str) -> str:
    """Return what two addresses of one article have in common: without scheme, ``www.`` and the last slash.

    Example:
        >>> comparable("https://www.coindesk.com/a/") == comparable("https://coindesk.com/a")
        True
    """
    parts = urlsplit(address)
    query = f"?{parts.query}" if parts.query else ""
    return f"{site_of(address)}{parts.path.rstrip('/')}{query}"


def article_id_of(address: str) -> str:
    """Return the id of the article that has this canonical address.

    Example:
        >>> article_id_of("https://cryptoslate.com/")
        'c5ee809b3a6ef8c737d56398'
    """
    return hashlib.sha256(address.encode()).hexdigest()[:_ID_DIGITS]
