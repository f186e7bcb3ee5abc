"""Prepares the servers: waits until they answer, creates the topics, and migrates the tables.

It is a process of its own, because the migration tool and the clients of the servers take 60 MB, which the
launcher would keep for ever. Besides, their imports run while the servers start.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from deploy.local.servers.fleets import make_usable
from deploy.local.servers.health import wait_until_ready
from schemas.arms import CHAMPION
from schemas.targets import Target
from schemas.time import text_of_time
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.promotions import StoredPromotions
from schemas.wire.settings import Endpoints

_START_S = 30.0


class Continuation(NamedTuple):
    """The part of a run that the database already holds.

    Attributes:
        predicted_ms: The as-of time of the newest stored prediction of the champion, by target, such as ``15m:15m``.
    """

    stream: str
    stored_until_ms: int
    n_predictions: int
    champion: str | None
    predicted_ms: Mapping[str, int] = {}

    def __str__(self) -> str:
        champion = "no champion yet" if self.champion is None else f"champion {self.champion}"
        until = text_of_time(self.stored_until_ms, "minute")
        return (
            f"going on with stream {self.stream}: stored until {until} UTC, "
            f"{self.n_predictions} predictions, {champion}"
        )


def prepare_servers(
    endpoints: Endpoints, *, stream: str | None, say: Callable[[str], None]
) -> Continuation | None:
    """Prepare the servers, say what is stored of a run, and return it; None if nothing is stored.

    Args:
        endpoints: Where the servers are.
        stream: The run to look for; None if there is none.
        say: Called with each line of progress.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
        StoreUnavailableError: If Redis or Postgres does not answer.
    """
    wait_until_ready(endpoints, timeout_s=_START_S, say=say)
    make_usable(endpoints)
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        continued = None if stream is None else continuation(pool, stream)
    say(f"servers answer at {endpoints.kafka.bootstrap_servers}, topics and tables are there")
    if continued is not None:
        say(str(continued))
    return continued


def continuation(pool: PostgresPool, stream: str) -> Continuation | None:
    """Return what is stored of a run; None if nothing is stored."""
    position = StoredMarket(pool).position(stream)
    ends = [end for end in (position.last_candle_end_ms, position.last_tick_known_ms) if end is not None]
    if not ends:
        return None
    promotions = StoredPromotions(pool).promotions(stream)
    predictions = StoredPredictions(pool)
    targets = {
        Target(stream, made.instrument, made.interval, made.horizon, made.alias) for made in promotions
    }
    champions = [made for made in promotions if made.alias == CHAMPION]
    return Continuation(
        stream=stream,
        stored_until_ms=max(ends),
        n_predictions=sum(predictions.record(target).n_predictions for target in targets),
        champion=champions[-1].model_version if champions else None,
        predicted_ms=_predicted_ms(predictions.last_predicted_ms(stream)),
    )


def _predicted_ms(newest: Mapping[Target, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for target, as_of_ms in newest.items():
        if target.arm == CHAMPION:
            name = str(target.pair)
            found[name] = max(as_of_ms, found.get(name, 0))
    return found
