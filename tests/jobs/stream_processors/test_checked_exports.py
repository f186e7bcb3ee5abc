"""``driftline store export --check``: files of days keep the rules of their tables, or say which rows do not."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner, Result

from deploy.local.mounting import driftline
from schemas.events import ArticlePublished, CandleObserved, Event, PriceObserved, QuoteObserved
from schemas.time import text_of_time
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import ENDPOINTS_FILE, Endpoints
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, bar, candle, tick

_COLLECTED = (QuoteObserved, PriceObserved, ArticlePublished)


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def _market(stream: str) -> list[Event]:
    return [
        *(candle(i * MINUTE, stream=stream) for i in range(60)),
        *(bar(i * MINUTE, stream=stream) for i in range(60)),
        *(tick(i * 500, trade_id=i, stream=stream) for i in range(60)),
    ]


def _checked(endpoints: Endpoints, stream: str, folder: Path, *options: str) -> Result:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    (data / ENDPOINTS_FILE).write_bytes(msgspec.json.encode(endpoints))
    asked = ("store", "export", "--day", text_of_time(T0, "day"), "--stream", stream, "--check")
    out = ("--out", str(folder / "archive"))
    return CliRunner().invoke(driftline, (*asked, *out, *options), obj={"DRIFTLINE_DATA_DIR": str(data)})


def test_a_sound_day_keeps_every_rule(
    endpoints: Endpoints, pool: PostgresPool, stream: str, tmp_path: Path
) -> None:
    collected = [
        msgspec.structs.replace(event, stream=stream)
        for event in SAMPLES.values()
        if isinstance(event, _COLLECTED)
    ]
    EventWriter(pool).write([*_market(stream), *collected])
    done = _checked(endpoints, stream, tmp_path)
    assert done.exit_code == 0, done.output
    assert "but not" not in done.output


def test_a_row_that_breaks_a_rule_is_named_and_the_exit_code_is_1(
    endpoints: Endpoints, pool: PostgresPool, stream: str, tmp_path: Path
) -> None:
    wrong = candle(60 * MINUTE, stream=stream)
    assert isinstance(wrong, CandleObserved)
    EventWriter(pool).write([*_market(stream), msgspec.structs.replace(wrong, taker_buy_volume=9.0)])
    done = _checked(endpoints, stream, tmp_path, "--json")
    assert done.exit_code == 1
    (broken,) = [said for line in done.stdout.splitlines() if "rule" in (said := json.loads(line))]
    assert broken["owner"] == f"{INSTRUMENT} 1m"
    assert broken["rule"] == "buy_volume is not more than the volume"
    assert (broken["n_rows"], broken["values"]) == (1, ["9.0"])
