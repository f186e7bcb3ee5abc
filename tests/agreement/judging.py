"""Whether three readings of a file agree, and the words for where they do not."""

import re
from collections.abc import Iterator

from tests.agreement.readings import Reading, Readings

#: What a command says of a file that is read and not enough, or not of a kind, for it.
TOO_SHORT = re.compile(
    r"at least \d+ bars of \w+ must lie before it|no stretch of \d+ bars .* without a hole"
)
NOT_CANDLES = "candles are needed here"
NOT_PLAYED = re.compile(
    r"and those of a run begin at whole multiples|make up none of the intervals of a run|trades of at least one whole minute"
    r"|holds no whole \w+, into which|cannot tell the instrument"
)
#: Rejected trades are kept as dead letters up to this number per rule.
_MOST_KEPT = 1_000


def disagreements(found: Readings) -> list[str]:
    """Return in what the three readings of a file contradict each other; nothing if they agree."""
    if found.inspect.refused is not None:
        return list(_of_refused(found))
    if found.kind == "candles":
        return [*_of_evaluated_candles(found), *_of_played_candles(found)]
    return list(_of_trades(found))


def _of_refused(found: Readings) -> Iterator[str]:
    for name, other in (("evaluate", found.evaluate), ("up", found.up)):
        if other.refused is None:
            yield f"inspect refuses it, {name} does not"
        elif other.refused != found.inspect.refused and NOT_CANDLES not in other.refused:
            yield f"{name} refuses it with another sentence: {other.refused}"


def _of_evaluated_candles(found: Readings) -> Iterator[str]:
    refused = found.evaluate.refused
    if refused is not None:
        if not TOO_SHORT.search(refused):
            yield f"evaluate refuses it: {refused}"
        return
    yield from _differences("evaluate", found.evaluate, found.inspect)


def _of_played_candles(found: Readings) -> Iterator[str]:
    refused = found.up.refused
    if refused is not None:
        if not NOT_PLAYED.search(refused):
            yield f"up refuses it: {refused}"
        return
    yield from _differences("up", found.up, found.inspect)


def _differences(name: str, other: Reading, inspected: Reading) -> Iterator[str]:
    for field, told, wanted in zip(Reading._fields, other, inspected, strict=True):
        if told is not None and told != wanted:
            yield f"{name} has {field} {told}, inspect {wanted}"


def _of_trades(found: Readings) -> Iterator[str]:
    if found.evaluate.refused is None or NOT_CANDLES not in found.evaluate.refused:
        yield "evaluate takes trades for candles"
    if found.up.refused is not None:
        if not NOT_PLAYED.search(found.up.refused):
            yield f"up refuses it: {found.up.refused}"
        return
    if found.up.instrument != found.inspect.instrument:
        yield f"up has instrument {found.up.instrument}, inspect {found.inspect.instrument}"
    # The trades before the first whole minute are not played.
    if not 0 < (found.up.n_bars or 0) <= (found.inspect.n_bars or 0):
        yield f"up plays {found.up.n_bars} trades of {found.inspect.n_bars}"
    if found.up.n_left_out not in {found.inspect.n_left_out, _MOST_KEPT} and not _has_others(found):
        yield f"up sets {found.up.n_left_out} rows aside, inspect {found.inspect.n_left_out}"


def _has_others(found: Readings) -> bool:
    """Whether the rows that are not good are those of another instrument, which no rule rejects."""
    return found.up.n_left_out == 0
