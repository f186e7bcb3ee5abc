"""Fetches the pages of articles, and decides what a failure means for the article.

A page that the source does not have, or does not let us read, leaves the article to what the feed says. A page that
failed in passing is asked again in the next rounds, and then left too.
"""

from enum import Enum, auto

from producers.normalise.news.addresses import comparable, is_of_site, site_of
from producers.sources.fetching import (
    Fetcher,
    SourceAnswerError,
    SourceBusyError,
    SourceRefusedError,
    SourceUnreachableError,
)
from producers.sources.news.pages import Page, read_page
from schemas.errors import ContractError

#: So often is a page asked that fails in passing.
ATTEMPTS = 3


class Missing(Enum):
    """Why there is no page."""

    WAITS = auto()
    GONE = auto()


class ArticlePages:
    """The pages of one source's articles.

    Attributes:
        notes: What went wrong, a whole sentence each, since they were taken last.
    """

    def __init__(self, fetcher: Fetcher, *, most: int) -> None:
        self._fetcher = fetcher
        self._most = most
        self._failures: dict[str, int] = {}
        self._left = most
        self._is_busy = False
        self.notes: list[str] = []

    def begin(self, *, is_last: bool) -> None:
        """Begin a round."""
        self._left = -1 if is_last else self._most
        self._is_busy = False
        self.notes = []

    @property
    def has_turn(self) -> bool:
        """Whether this round asks for a further page."""
        return self._left != 0 and not self._is_busy

    def get(self, url: str, *, is_last: bool) -> Page | Missing:
        """Return a page, or why there is none.

        Args:
            url: The canonical address.
            is_last: Whether no other round will come soon, so that nothing waits for it.
        """
        if not self.has_turn:
            return Missing.GONE if is_last else Missing.WAITS
        self._left -= 1
        try:
            fetched = self._fetcher.get(url, is_page=True)
            if not is_of_site(fetched.url, site_of(url)) or comparable(fetched.url) == site_of(url):
                self.notes.append(f"The page of {url} leads to {fetched.url}, so it is not used.")
                return Missing.GONE
            return read_page(fetched.body, fetched.headers, url=fetched.url)
        except (SourceRefusedError, SourceAnswerError, ContractError) as error:
            self.notes.append(f"The page of an article is not used: {error}.")
            return Missing.GONE
        except SourceBusyError as error:
            self._is_busy = True
            self.notes.append(f"Pages wait: {error}.")
            return Missing.GONE if is_last else Missing.WAITS
        except SourceUnreachableError as error:
            return self._failed(url, error, is_last=is_last)

    def _failed(self, url: str, error: SourceUnreachableError, *, is_last: bool) -> Missing:
        self.notes.append(f"The page of an article did not answer: {error}.")
        key = comparable(url)
        n = self._failures.get(key, 0) + 1
        if is_last or n >= ATTEMPTS:
            self._failures.pop(key, None)
            return Missing.GONE
        self._failures[key] = n
        return Missing.WAITS
