"""Finds the version that an alias such as ``champion`` means, from the stream, target and instrument that are known.

Each run of the same market has its own champion of the same target, so an alias alone is ambiguous. Of
several streams the newest one is meant: the stream of the last line in the ledger. Between several targets the
user must choose; the error names the options to add.
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
    """Returns the lines of the one target and stream that an alias means, oldest first.

    Args:
        ledger: The lines, oldest first.
        alias: The alias, such as ``champion``.
        stream: The run; None takes the newest run that fits the other arguments.
        target: The target, such as ``15m:15m`` or ``BTC-USDT.BINANCE:15m:15m``; None where only one fits.
        instrument: The instrument of the data at hand; None where the data do not tell it.

    Raises:
        NotReadyError: If no line fits.
        ConfigurationError: If lines of several targets fit.
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
    """Writes a target as the command line takes it, such as ``15m:15m``."""
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
    """The options that select each of the lines, as they are typed."""
    return "; ".join(sorted({f"--target {words(line.target)} --stream {line.stream}" for line in lines}))
