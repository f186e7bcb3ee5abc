"""What an alias such as ``champion`` means, narrowed by what is known where it was asked for.

A second run of the same market leaves a second champion of the same target behind, so that an alias
alone would soon mean nothing. Of several streams the newest is meant: the one that something was last
recorded for. Between targets nobody can choose for the user: the error has the words to add.
"""

from collections.abc import Callable, Sequence

from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.errors import ConfigurationError, NotReadyError


def meant_lines(
    ledger: Sequence[LedgerEntry],
    alias: str,
    *,
    stream: str | None,
    target: str | None,
    instrument: str | None = None,
) -> list[LedgerEntry]:
    """The lines, oldest first, of the one target and stream that an alias means.

    Args:
        ledger: Oldest first.
        alias: Such as ``champion``.
        stream: Whose; None is the newest of those that are left.
        target: Such as ``15m:15m`` or ``BTC-USDT.BINANCE:15m:15m``; None where only one is left.
        instrument: Of the data at hand; None where they do not tell.

    Raises:
        NotReadyError: If there is none.
        ConfigurationError: If several targets are left.
    """
    named = [line for line in ledger if line.alias == alias]
    lines = [
        line
        for line in named
        if stream in (None, line.stream)
        and target in (None, words_of(line.target), _full_words(line.target))
        and instrument in (None, line.target.instrument)
    ]
    if not lines:
        raise NotReadyError(_nothing(alias, stream, target, instrument, named))
    lines = [line for line in lines if line.stream == lines[-1].stream]
    if len({line.target for line in lines}) > 1:
        raise ConfigurationError(_several(alias, lines))
    return lines


def words_of(target: ModelTarget) -> str:
    """A target as the command line has it, such as ``15m:15m``."""
    return f"{target.interval}:{target.horizon}"


def _full_words(target: ModelTarget) -> str:
    return f"{target.instrument}:{words_of(target)}"


def _nothing(
    alias: str,
    stream: str | None,
    target: str | None,
    instrument: str | None,
    named: Sequence[LedgerEntry],
) -> str:
    given = (("of", instrument), ("of", target), ("in", stream))
    within = "".join(f" {word} {value}" for word, value in given if value)
    own = ", and data must be of the model's instrument" if instrument else ""
    there_are = f"; there are {_listed(named, _full_words)}" if named else ""
    return f"there is no version and no alias {alias!r}{within}{own}: `driftline models list` names them{there_are}"


def _several(alias: str, lines: Sequence[LedgerEntry]) -> str:
    has_one_instrument = len({line.target.instrument for line in lines}) == 1
    listed = _listed(lines, words_of if has_one_instrument else _full_words)
    return f"{alias!r} means several models, add one of: {listed}"


def _listed(lines: Sequence[LedgerEntry], words: Callable[[ModelTarget], str]) -> str:
    """What means each one, as it is typed."""
    return "; ".join(sorted({f"--target {words(line.target)} --stream {line.stream}" for line in lines}))
