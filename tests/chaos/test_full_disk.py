"""A disk that is full for forty seconds of a replay: everything heals, nothing is lost, and an alert says so."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from schemas.events import AlertRaised, Severity
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.settings import ServerSettings
from stream_processors.features.batch import compute_table
from stream_processors.inspection.alert_lists import published_alerts
from stream_processors.operators.alerting import DISK_UNWRITABLE
from tests.fixtures.disks import filled, mounted
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import CANDLES, FROM, INSTRUMENT, Demo, running_demo

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(900)]
FULL_S = 40.0
_MINUTE_MS = 60_000
_DEADLINE_S = 240.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with compiled kernels in the data directory, as an installation leaves them."""
    with mounted(tmp_path / "disk", size_mb=700) as folder:
        environment = os.environ | {"DRIFTLINE_DATA_DIR": str(folder / "data")}
        subprocess.run([sys.executable, "-m", "deploy.local", "compile"], env=environment, check=True)
        yield folder


def alerts_of(demo_dir: Path) -> list[AlertRaised]:
    kafka = ServerSettings(data_dir=demo_dir).endpoints().kafka
    return [alert for alert in published_alerts(kafka) if alert.name == DISK_UNWRITABLE]


def newest_served_ms(data_dir: Path) -> int:
    """As-of time of the prediction that the API gives, from Redis."""
    url = ServerSettings(data_dir=data_dir).endpoints().api_url
    query = {"interval": "1m", "horizon": "1m"}
    answer = httpx.get(f"{url}/v1/predictions/{INSTRUMENT}", params=query, timeout=30.0)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["features_as_of_ms"])


def until(ask: object, *, deadline_s: float = _DEADLINE_S) -> None:
    ends = time.monotonic() + deadline_s
    while not ask():  # type: ignore[operator]
        assert time.monotonic() < ends, f"not within {deadline_s} s"
        time.sleep(0.2)


@pytest.mark.parametrize("engine", ["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def test_nothing_is_lost_over_a_disk_that_was_full(
    disk: Path, recorded_data: Path, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended the whole platform: the launcher could not write how things stand, the history a log line.

    Apache Kafka ends itself when its log cannot be written, and is started again until it can; what is
    served meanwhile is the last prediction.
    """
    monkeypatch.setenv("DRIFTLINE_KAFKA", engine)
    data_dir, candles = disk / "data", recorded_data / CANDLES
    with running_demo(data_dir, candles, log=tmp_path / "demo.log") as demo:
        before_ms = newest_served_ms(data_dir)
        with filled(disk):
            began_s = time.monotonic()
            if engine == "embedded":
                until(lambda: [alert for alert in alerts_of(data_dir) if not alert.is_resolved])
                until(lambda: newest_served_ms(data_dir) > before_ms)
            time.sleep(max(0.0, FULL_S - (time.monotonic() - began_s)))
            assert demo.process.poll() is None
            full_until_ms = newest_served_ms(data_dir)

        demo.wait_for_judged(after_ms=full_until_ms + 5 * _MINUTE_MS, deadline_s=_DEADLINE_S)
        until(lambda: [alert.is_resolved for alert in alerts_of(data_dir)] == [False, True])
        raised = alerts_of(data_dir)[0]
        assert (raised.severity, raised.subject) == (Severity.PAGE, str(data_dir)[:100])
        _check_against_the_file(demo, candles)


def _check_against_the_file(demo: Demo, candles: Path) -> None:
    """Every candle, feature and prediction of the stretch is stored, once, as the file has it."""
    stream = str(demo.status()["state"]["stream"])
    pool = PostgresPool(demo.database_url())
    pool.open()
    try:
        table = StoredFeatures(pool).feature_table(
            stream, instrument=INSTRUMENT, interval=str(Interval.ONE_MINUTE)
        )
        stored = [candle.close for candle in StoredMarket(pool).candles(stream)]
        made = StoredPredictions(pool).predictions(Target(stream, INSTRUMENT, "1m", "1m"), limit=100_000)
    finally:
        pool.close()
    assert table is not None
    minutes = minutes_of(candles, FROM, str(np.datetime64(int(table.as_of_ms[-1]), "ms")))
    expected = compute_table(minutes)
    assert table.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert table.values.tobytes() == expected.values.tobytes()
    assert stored[: len(expected.close)] == expected.close.tolist()
    as_of = np.array([prediction.event_time_ms for prediction, _ in made][::-1])
    assert set(np.diff(as_of).tolist()) == {_MINUTE_MS}
