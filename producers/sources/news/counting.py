"""Counts the requests that the reading of one source makes."""

from collections.abc import Mapping

from producers.sources.fetching import Fetched, Fetcher


class CountingFetcher(Fetcher):
    """Asks another fetcher, and counts.

    Attributes:
        n_requests: How often it was asked.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self.n_requests = 0

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        """Ask, and count; see the port."""
        self.n_requests += 1
        return self._fetcher.get(url, params=params, headers=headers, is_page=is_page)

    def close(self) -> None:
        """Close the connections of the other fetcher."""
        self._fetcher.close()
