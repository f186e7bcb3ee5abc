"""A fetcher that counts what is asked."""

from collections.abc import Mapping

from producers.sources.fetching import Fetched, Fetcher


class CountingFetcher(Fetcher):
    """Passes requests on, and counts them.

    Args:
        fetcher: Answers them.

    Attributes:
        n_requests: The number of requests, failed ones included.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.n_requests = 0
        self._fetcher = fetcher

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        """Return the answer to one request; see the port."""
        self.n_requests += 1
        return self._fetcher.get(url, params=params, headers=headers, is_page=is_page)

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()
