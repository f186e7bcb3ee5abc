"""How much a run does, from variables: ``KILLS=50``, ``SEED=7``, ``QUICK=1`` and the others below."""

from collections.abc import Mapping

import msgspec

from tests.chaos.stream.markets import N_INSTRUMENTS


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        seed: Of the market and of every moment and victim.
        n_kills: Of workers, by SIGKILL.
        n_restarts: Of the only broker, by SIGKILL.
        n_lost: Times that one of three brokers is lost; 0 runs no cluster.
        storm_s: How long workers come and go.
        n_emptied: Times that Redis is emptied, and once more it is killed.
        n_paused: Times that a worker stands still for longer than its group waits.
        n_instruments: Of the market.
    """

    seed: int = 7
    n_kills: int = 50
    n_restarts: int = 4
    n_lost: int = 6
    storm_s: float = 30.0
    n_emptied: int = 3
    n_paused: int = 2
    n_instruments: int = N_INSTRUMENTS


QUICK = Options(n_kills=3, n_restarts=1, n_lost=0, storm_s=0.0, n_emptied=1, n_paused=0)
_VARIABLES = {
    "SEED": "seed",
    "KILLS": "n_kills",
    "RESTARTS": "n_restarts",
    "LOST": "n_lost",
    "STORM": "storm_s",
    "EMPTIED": "n_emptied",
    "PAUSED": "n_paused",
    "INSTRUMENTS": "n_instruments",
}


def read_options(environment: Mapping[str, str]) -> Options:
    """The options that variables state.

    Raises:
        ValueError: If one is no number.
    """
    options = QUICK if environment.get("QUICK") else Options()
    stated = {
        field: type(getattr(options, field))(environment[variable])
        for variable, field in _VARIABLES.items()
        if environment.get(variable)
    }
    return msgspec.structs.replace(options, **stated)
