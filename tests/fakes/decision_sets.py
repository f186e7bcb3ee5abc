"""Decision sets of feature tables, with the tables' own closes as outcomes."""

from schemas.features import FeatureTable
from schemas.time import Interval
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.prices import PricePath

ALWAYS_MS = 2**62


def labelled(
    table: FeatureTable,
    *,
    interval: Interval = Interval.ONE_MINUTE,
    horizon: Interval = Interval.ONE_MINUTE,
    known_by_ms: int = ALWAYS_MS,
    multiples: tuple[int, ...] = (1,),
) -> DecisionSet:
    """The rows of a table whose outcome was known by a time."""
    prices = PricePath.of_bars(table, interval)
    whole = decision_set(table, prices, interval=interval, horizon=horizon, multiples=multiples)
    return whole.labelled(known_by_ms)
