"""The names under which the columns of candles are found, and which column each means."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from producers.sources.files.candles.column_names import ROLE_NAMES, Role, is_volume_of_coin

PRICE_ROLES = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)
#: What a file may have beside the columns that every candle needs, under the names of our own parquet.
EXTRA_ROLES = (Role.N_TRADES, Role.QUOTE_VOLUME, Role.TAKER_BUY_VOLUME, Role.TAKER_BUY_QUOTE_VOLUME)

_BY_NAME = {
    name: (role, rank) for role, names in ROLE_NAMES.items() for rank, name in enumerate(names.split())
}
_MARKS = re.compile(r"[^\w/]+|_+")
_TUPLE = re.compile(r"^\(\s*['\"]([^'\"]*)['\"]\s*,")
#: Each of two such names may mean coins or money: the numbers tell.
_EITHER_VOLUME = (("volume", "vol", "v"), ("amount", "qty", "quantity"))


class Headings(NamedTuple):
    """Which column of a file plays which role.

    Attributes:
        positions: By role the number of the column, the first being 0.
        doubled: By role the names of further columns that claim the same name.
    """

    positions: Mapping[Role, int]
    doubled: Mapping[Role, tuple[str, ...]] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """What a table of candles needs and this one has not, in words."""
        has_time = any(role in self.positions for role in (Role.OPEN_TIME, Role.CLOSE_TIME, Role.DATE))
        time = () if has_time or Role.TIME_OF_DAY in self.positions else ("timestamp",)
        needed = (*PRICE_ROLES, Role.VOLUME)
        return (*time, *(str(role) for role in needed if role not in self.positions))

    @property
    def has_prices(self) -> bool:
        """Whether open, high, low and close are there."""
        return all(role in self.positions for role in PRICE_ROLES)


def plain_name(name: str) -> str:
    """Return a column's name in lower case and without marks, so that one way of writing is left.

    Example:
        >>> plain_name("Open Time"), plain_name("<CLOSE>"), plain_name("('Close', 'BTC-USD')")
        ('opentime', 'close', 'close')
    """
    inner = _TUPLE.match(name.strip())
    return _MARKS.sub("", (name if inner is None else inner[1]).strip().lower()).replace("/", "")


def headings_of(names: Sequence[str]) -> Headings:
    """Return which columns of a header mean what; names that mean nothing here are left out."""
    ranked: dict[Role, list[tuple[int, int]]] = {}
    for position, name in enumerate(names):
        found = _BY_NAME.get(plain_name(name))
        if found is not None:
            ranked.setdefault(found[0], []).append((found[1], position))
    best = {role: sorted(claims) for role, claims in ranked.items()}
    positions = {role: claims[0][1] for role, claims in best.items()}
    doubled = {
        role: tuple(names[position] for rank, position in claims if rank == claims[0][0])
        for role, claims in best.items()
    }
    _add_coin_volume(names, positions)
    _add_other_volume(names, positions)
    _prefer_one_time(positions)
    return Headings(positions, {role: same for role, same in doubled.items() if len(same) > 1})


def _add_coin_volume(names: Sequence[str], positions: dict[Role, int]) -> None:
    """Take ``Volume BTC`` for the volume where no column is simply called so, and else ``Volume USD``."""
    if Role.VOLUME in positions:
        return
    quotes = ROLE_NAMES[Role.QUOTE_VOLUME].split()
    bases = [i for i, name in enumerate(names) if is_volume_of_coin(name) and plain_name(name) not in quotes]
    if bases:
        positions[Role.VOLUME] = bases[0]
        if len(bases) > 1:
            positions.setdefault(Role.QUOTE_VOLUME, bases[1])


def _add_other_volume(names: Sequence[str], positions: dict[Role, int]) -> None:
    """Keep a second column that may be the volume as well as the first one, such as ``amount`` beside ``vol``."""
    plain = [plain_name(name) for name in names]
    if Role.VOLUME not in positions:
        return
    taken = plain[positions[Role.VOLUME]]
    others = next(
        (others for some, others in zip(_EITHER_VOLUME, _EITHER_VOLUME[::-1], strict=True) if taken in some),
        (),
    )
    found = next((plain.index(name) for name in others if name in plain), None)
    if found is not None:
        positions[Role.OTHER_VOLUME] = found


def _prefer_one_time(positions: dict[Role, int]) -> None:
    """Leave the times that a better one makes superfluous: an open time before a date, and so on."""
    if Role.OPEN_TIME in positions:
        positions.pop(Role.DATE, None)
        positions.pop(Role.TIME_OF_DAY, None)
    elif Role.DATE not in positions and Role.TIME_OF_DAY in positions:
        positions[Role.OPEN_TIME] = positions.pop(Role.TIME_OF_DAY)
