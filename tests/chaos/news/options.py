"""How much a run does, from variables: ``KILLS=20``, ``SEED=7``, ``ARTICLES=29769``, ``BROKERS=embedded,apache``."""

from collections.abc import Mapping

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        n_kills: How often the agent is killed on each broker.
        seed: Of the moments.
        n_articles: How many of the recorded articles flow; None for all.
        brokers: ``embedded``, ``apache``, or both.
    """

    n_kills: int = 20
    seed: int = 7
    n_articles: int | None = None
    brokers: tuple[str, ...] = ("embedded", "apache")


def read_options(environment: Mapping[str, str]) -> Options:
    """The options that variables state.

    Raises:
        ValueError: If one has another form.
    """
    stated: dict[str, object] = {
        field: int(environment[variable])
        for variable, field in (("KILLS", "n_kills"), ("SEED", "seed"), ("ARTICLES", "n_articles"))
        if environment.get(variable)
    }
    if environment.get("BROKERS"):
        stated["brokers"] = tuple(environment["BROKERS"].split(","))
        if not set(Options().brokers) >= set(environment["BROKERS"].split(",")):
            message = f"BROKERS must be embedded, apache or both, was {environment['BROKERS']}"
            raise ValueError(message)
    return msgspec.structs.replace(Options(), **stated)
