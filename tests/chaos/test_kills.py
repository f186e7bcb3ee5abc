"""Any process killed with -9 during the demo heals by itself, with the history complete and single."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from schemas.features import FeatureTable
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from stream_processors.features.bars import roll_up
from stream_processors.features.batch import compute_table
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import CANDLES, FROM, INSTRUMENT, LONG_LIVED, Demo, running_demo

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, recorded_data: Path) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("chaos")
    with running_demo(folder / "data", recorded_data / CANDLES, log=folder / "demo.log") as found:
        yield found


@pytest.fixture
def pool(demo: Demo) -> Iterator[PostgresPool]:
    with PostgresPool(demo.database_url()) as opened:
        yield opened


def _stream(demo: Demo) -> str:
    return str(demo.status()["state"]["stream"])


@pytest.mark.parametrize("name", LONG_LIVED)
def test_predictions_go_on_being_made_and_judged_after_a_kill(demo: Demo, name: str) -> None:
    assert demo.heal_s(name) > 0


def test_every_minute_since_the_first_prediction_is_predicted_once(demo: Demo, pool: PostgresPool) -> None:
    newest_ms = demo.wait_for_judged(after_ms=0, deadline_s=180)
    demo.wait_for_judged(after_ms=newest_ms + 20 * 60_000, deadline_s=300)
    made = [
        made
        for made, _ in StoredPredictions(pool).predictions(
            Target(_stream(demo), INSTRUMENT, "1m", "1m"), limit=100_000
        )
    ]
    as_of = np.array([prediction.event_time_ms for prediction in made][::-1])
    assert len(as_of) > 30
    assert set(np.diff(as_of).tolist()) == {60_000}


def test_every_judged_prediction_was_judged_by_the_right_bar(demo: Demo, pool: PostgresPool) -> None:
    pairs = StoredPredictions(pool).predictions(Target(_stream(demo), INSTRUMENT, "1m", "1m"), limit=100_000)
    closes = {candle.event_time_ms: candle.close for candle in StoredMarket(pool).candles(_stream(demo))}
    unjudged = [made for made, outcome in pairs if outcome is None]
    assert len(unjudged) <= 3
    for made, outcome in pairs:
        assert made.reference_price == closes[made.event_time_ms]
        if outcome is not None:
            assert outcome.final_price == closes[made.resolves_at_ms]


@pytest.mark.parametrize("interval", [Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR])
def test_stored_features_are_those_of_the_file_to_the_bit(
    demo: Demo, pool: PostgresPool, recorded_data: Path, interval: Interval
) -> None:
    stored = StoredFeatures(pool).feature_table(_stream(demo), instrument=INSTRUMENT, interval=str(interval))
    assert stored is not None
    expected = _from_file(recorded_data / CANDLES, stored, interval)
    assert stored.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert stored.values.tobytes() == expected.values.tobytes()
    assert stored.close.tobytes() == expected.close.tobytes()


def _from_file(path: Path, stored: FeatureTable, interval: Interval) -> FeatureTable:
    """What the batch driver makes of the same stretch of the file."""
    until = str(np.datetime64(int(stored.as_of_ms[-1]), "ms"))
    minutes = minutes_of(path, FROM, until)
    if interval is Interval.ONE_MINUTE:
        return compute_table(minutes)
    return compute_table(roll_up(minutes, interval=Interval.ONE_MINUTE, into=interval))
