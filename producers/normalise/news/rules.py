"""The rules that an item of a feed can break, so that it is no article that can be published."""

from enum import StrEnum

from schemas.errors import InvariantError


class Rule(StrEnum):
    """What an item must have."""

    ADDRESS = "address"
    SITE = "site"
    TITLE = "title"
    TIME = "published_time"
    NOT_IN_FUTURE = "published_in_future"
    NOT_TOO_EARLY = "published_too_early"
    PAGE = "page"


class ItemRefusedError(InvariantError):
    """An item breaks a rule and is not published.

    Args:
        rule: The rule.
        message: What was expected and what it was.
    """

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
