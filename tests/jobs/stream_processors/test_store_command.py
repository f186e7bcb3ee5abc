"""``driftline store``: days as files, and the deletion of old days, on a real Postgres."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from pyarrow import parquet

from deploy.local.mounting import driftline
from schemas.events import ABOUT_SOURCES, ArticlePublished, Event, PriceObserved, QuoteObserved
from schemas.time import text_of_time
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.archives import ARCHIVED, DAY_MS, StoredDays
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import ENDPOINTS_FILE, Endpoints
from stream_processors.archiving.exporting import export_day
from stream_processors.archiving.files import write
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, T0, tick

Command = Callable[..., Result]
DAY = T0 // DAY_MS * DAY_MS


@pytest.fixture
def command(endpoints: Endpoints, tmp_path: Path) -> Command:
    """Of a running demo: its data directory says where the servers are."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / ENDPOINTS_FILE).write_bytes(msgspec.json.encode(endpoints))

    def run(*arguments: str, **variables: str) -> Result:
        environment = {"DRIFTLINE_DATA_DIR": str(folder)} | variables
        return CliRunner().invoke(driftline, ("store", *arguments), obj=environment)

    return run


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def everything(stream: str) -> list[Event]:
    return [
        replace(event, stream=stream) for event in SAMPLES.values() if not isinstance(event, ABOUT_SOURCES)
    ]


def day_of(at_ms: int) -> str:
    return text_of_time(at_ms, "day")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_day_is_exported_table_by_table_and_again_with_the_same_bytes(
    command: Command, pool: PostgresPool, stream: str, archive: Path
) -> None:
    EventWriter(pool).write(everything(stream))
    asked = ("export", "--day", day_of(DAY), "--out", str(archive), "--stream", stream)
    done = command(*asked)
    assert done.exit_code == 0, done.output
    first = files(archive)
    assert {Path(name).parts[0] for name in first} == set(ARCHIVED)
    assert {Path(name).name for name in first} == {f"{day_of(DAY)}.parquet"}
    assert command(*asked).exit_code == 0
    assert files(archive) == first


def test_exported_rows_are_those_that_are_stored(pool: PostgresPool, stream: str, archive: Path) -> None:
    EventWriter(pool).write(everything(stream))
    exported = {
        file.table: parquet.read_table(file.path, partitioning=None).to_pylist()
        for file in export_day(StoredDays(pool), DAY, archive, streams=[stream])
    }
    article = SAMPLES["article_published"]
    assert isinstance(article, ArticlePublished)
    (row,) = (row for row in exported["articles"] if row["article_id"] == article.article_id)
    assert (row["assets"], row["categories"]) == (list(article.assets), list(article.categories))
    assert (row["text"], row["version"]) == (article.text, article.version)
    assert [row["id_epoch"] for row in exported["ticks"]] == [0, 1]
    assert exported["candles"][0]["taker_buy_volume"] == 0.25
    assert exported["quotes"][0]["bid"] == 100.25


def test_json_says_what_lies_where(command: Command, pool: PostgresPool, stream: str, archive: Path) -> None:
    EventWriter(pool).write([tick(0, trade_id=1, stream=stream)])
    done = command("export", "--day", day_of(DAY), "--out", str(archive), "--stream", stream, "--json")
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["table"], line["n_rows"], line["is_kept"]) == ("ticks", 1, False)
    assert Path(line["path"]).exists()


def test_export_that_is_cut_off_leaves_the_file_of_before(archive: Path, pool: PostgresPool) -> None:
    path = archive / "ticks" / "day.parquet"
    columns = StoredDays(pool).columns("prices")[:1]

    def parts(*, is_cut: bool) -> Iterator[list[tuple[int]]]:
        yield [(1,)]
        if is_cut:
            raise RuntimeError

    write(path, columns, parts(is_cut=False))
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        write(path, columns, parts(is_cut=True))
    assert files(archive) == {"ticks/day.parquet": before}


def test_day_that_was_pruned_does_not_empty_its_file(pool: PostgresPool, stream: str, archive: Path) -> None:
    EventWriter(pool).write([tick(at, trade_id=at, stream=stream) for at in range(3)])
    days = StoredDays(pool)
    list(export_day(days, DAY, archive, streams=[stream]))
    before = files(archive)
    days.delete("ticks", stream, from_ms=DAY, until_ms=DAY + DAY_MS)
    EventWriter(pool).write([tick(0, trade_id=0, stream=stream)])
    (file,) = export_day(days, DAY, archive, streams=[stream])
    assert (file.is_kept, file.n_rows) == (True, 3)
    assert files(archive) == before


@pytest.mark.parametrize("day", ["2999-01-01", "2025-06-01T12:00", "today"])
def test_day_that_is_none_or_not_over_is_a_clear_error(command: Command, day: str) -> None:
    done = command("export", "--day", day)
    assert done.exit_code != 0
    assert "--day" in f"{done.output}{done.exception}"


def old_quotes(stream: str, n_days: int) -> list[Event]:
    """A quote and a price of each of the last days, today included."""
    quote, price = SAMPLES["quote_observed"], SAMPLES["price_observed"]
    assert isinstance(quote, QuoteObserved)
    assert isinstance(price, PriceObserved)
    now_ms = SystemClock().now_ms()
    times = [now_ms - age * DAY_MS for age in range(n_days)]
    return [
        replace(event, stream=stream, event_time_ms=at, known_time_ms=at)
        for event in (quote, price)
        for at in times
    ]


def n_quotes(pool: PostgresPool, stream: str) -> int:
    return len(StoredPrices(pool).quotes(stream, instrument=INSTRUMENT, from_ms=0, until_ms=2**53))


def test_old_days_are_deleted_and_tables_without_a_setting_stay(
    command: Command, pool: PostgresPool, stream: str
) -> None:
    EventWriter(pool).write(old_quotes(stream, 10))
    assert command("prune", "--dry-run", DRIFTLINE_KEEP_QUOTES_DAYS="3").exit_code == 0
    assert n_quotes(pool, stream) == 10
    for _ in range(2):
        done = command("prune", DRIFTLINE_KEEP_QUOTES_DAYS="3")
        assert done.exit_code == 0, done.output
        assert n_quotes(pool, stream) == 4
    assert len(StoredDays(pool).streams("prices")) >= 1
    assert StoredDays(pool).n_rows("prices", stream, from_ms=0, until_ms=2**53) == 10


def test_replay_of_old_data_is_never_pruned(command: Command, pool: PostgresPool) -> None:
    """Its events are old from the beginning, and the demo needs them."""
    replayed = f"replay-{uuid4().hex[:12]}"
    EventWriter(pool).write([tick(0, trade_id=1, stream=replayed)])
    assert command("prune", DRIFTLINE_KEEP_TICKS_DAYS="1").exit_code == 0
    assert StoredDays(pool).n_rows("ticks", replayed, from_ms=0, until_ms=2**53) == 1


def test_days_that_the_archive_lacks_stay(
    command: Command, pool: PostgresPool, stream: str, archive: Path
) -> None:
    EventWriter(pool).write(old_quotes(stream, 6))
    exported = SystemClock().now_ms() - 4 * DAY_MS
    list(export_day(StoredDays(pool), exported // DAY_MS * DAY_MS, archive, streams=[stream]))
    done = command("prune", "--exported", str(archive), "--json", DRIFTLINE_KEEP_QUOTES_DAYS="2")
    days = [json.loads(line) for line in done.stdout.splitlines()]
    kept = {day["day_ms"]: day["is_kept"] for day in days if day["stream"] == stream}
    assert sorted(kept.values()) == [False, True, True]
    assert not kept[exported // DAY_MS * DAY_MS]
    assert n_quotes(pool, stream) == 5


def test_nothing_to_prune_by_is_a_clear_error(command: Command) -> None:
    done = command("prune")
    assert done.exit_code != 0
    assert "DRIFTLINE_KEEP_TICKS_DAYS" in f"{done.output}{done.exception}"
