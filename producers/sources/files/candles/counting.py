"""Numbers of things in words."""


def counted(n: int, thing: str) -> str:
    """Return a number of things in words.

    Example:
        >>> counted(1, "row"), counted(2_000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
