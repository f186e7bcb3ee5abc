"""The door to Postgres: the durable history, written by natural key and read back whole.

Writing an event twice changes nothing; a candle's later revision replaces it. A batch is one
transaction: staged by COPY, then merged. What is read back is what was written, to the bit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from schemas import events
from schemas.artifacts import CHAMPION
from schemas.codec import null_from_nan
from schemas.errors import ConfigurationError, PlatformError, RowRefusedError, StoreUnavailableError
from schemas.features import FeatureCloses, FeatureTable
from schemas.streams import StreamDescription
from schemas.wire.refusals import Fault, fault_of, refusal, translate
from schemas.wire.tables import TABLES, Progress, merge, write_feature_specs, write_progress

#: Market features, and those with companions' beside them; each has a table of its own.
FEATURE_KINDS = (events.FeaturesComputed, events.VectorComputed)


class Position(NamedTuple):
    """How far the stored market data of a stream go; None where there are none.

    Of several instruments it is the one that is least far.
    """

    last_candle_end_ms: int | None
    last_tick_known_ms: int | None
    last_trade_id: int | None


#: Predictions with their outcomes, newest first; None where one cannot be judged yet.
Page = list[tuple[events.PredictionMade, events.OutcomeResolved | None]]


class Record(NamedTuple):
    """How a model's predictions turned out so far; ties and voids are neither hit nor miss.

    Attributes:
        n_pick_hits, n_pick_misses: Of those that the model chose to make.
    """

    n_predictions: int
    n_hits: int
    n_misses: int
    n_ties: int
    n_voids: int
    n_pick_hits: int = 0
    n_pick_misses: int = 0


class Target(NamedTuple):
    """Which predictions are meant."""

    stream: str
    instrument: str
    interval: str
    horizon: str


@contextmanager
def translated() -> Iterator[None]:
    """Raise the platform's errors for psycopg's within the block; those of a row stay what they are."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        found = translate(error)
        if found is None:
            raise
        raise found from error


@contextmanager
def translated_writes() -> Iterator[None]:
    """As :func:`translated`, and what is wrong with a row is an error of the platform too.

    Raises:
        RowRefusedError: If a row of the block is refused, whatever the reason.
    """
    try:
        with translated():
            yield
    except psycopg.Error as error:
        if fault_of(error) is not Fault.ROW:
            raise
        raise RowRefusedError(refusal(error)) from error
    except (UnicodeEncodeError, OverflowError) as error:
        message = f"the row cannot be sent to Postgres: {error}"
        raise RowRefusedError(message) from error


def migrate(database_url: str, *, to: str = "head") -> None:
    """Bring the tables to this release's form; does nothing when they are.

    Args:
        to: An earlier revision instead.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
        ConfigurationError: If the URL is none.
    """
    from alembic import command  # noqa: PLC0415  (one second of imports that only this call needs)
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    check_url(database_url)
    engine = create_engine("postgresql+psycopg://" + database_url.split("://", 1)[1])
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
    except OperationalError as error:
        message = f"Postgres: {error.orig}"
        raise StoreUnavailableError(message) from error
    finally:
        engine.dispose()


def check_url(database_url: str) -> None:
    """Refuse what is not a Postgres URL.

    Raises:
        ConfigurationError: If it is not one.
    """
    if not database_url.startswith(("postgresql://", "postgres://")):
        message = "DATABASE_URL must look like postgresql://user:password@host:port/name"
        raise ConfigurationError(message)


class History:
    """The durable history of every stream.

    Args:
        database_url: A ``postgresql://`` URL.
        max_connections: How many calls may run at once.
        timeout_s: How long a call waits for a connection.
    """

    def __init__(self, database_url: str, *, max_connections: int = 2, timeout_s: float = 5.0) -> None:
        check_url(database_url)
        self._pool = ConnectionPool(
            database_url,
            min_size=1,
            max_size=max_connections,
            open=False,
            timeout=timeout_s,
            check=ConnectionPool.check_connection,
            kwargs={"connect_timeout": 3},
        )

    def open(self) -> None:
        """Connect in the background; calls wait for a connection for some seconds."""
        self._pool.open()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def is_ready(self) -> bool:
        """Whether Postgres answers."""
        try:
            with translated(), self._pool.connection(timeout=1.0) as connection:
                connection.execute("SELECT 1")
        except PlatformError:
            return False
        return True

    # Writing

    def write(self, batch: Sequence[events.Event], progress: Sequence[Progress] = ()) -> None:
        """Store events, and the watermarks that vouch for them, in one transaction.

        Args:
            batch: Events of any kind that has a table; others are a programmer's mistake.
            progress: Watermarks; an older one than the stored one changes nothing.

        Raises:
            StoreUnavailableError: If Postgres does not answer, or takes no writes now; nothing was stored.
            RowRefusedError: If Postgres refuses a row of the batch; nothing was stored.
        """
        by_table: dict[type[events.Event], list[Any]] = {}
        for event in batch:
            by_table.setdefault(type(event), []).append(event)
        with translated_writes(), self._pool.connection() as connection, connection.cursor() as cursor:
            for kind, rows in by_table.items():
                merge(cursor, TABLES[kind], rows)
            for kind in FEATURE_KINDS:
                write_feature_specs(cursor, by_table.get(kind, []))
            write_progress(cursor, progress)

    def register_stream(self, description: StreamDescription) -> StreamDescription:
        """Remember a run; one that is known stays as it was first described.

        Returns:
            What is remembered.
        """
        with translated(), self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO streams VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    description.stream,
                    str(description.kind),
                    msgspec.json.encode(description).decode(),
                    description.created_ms,
                ),
            )
        stored = self.stream(description.stream)
        return description if stored is None else stored

    # Reading

    def stream(self, stream: str) -> StreamDescription | None:
        """What is remembered of a run, or None."""
        row = self._one("SELECT description::text FROM streams WHERE stream = %s", (stream,))
        return None if row is None else msgspec.json.decode(row[0], type=StreamDescription)

    def watermark_ms(self, stream: str, topic: str, *, n_partitions: int = 1) -> int | None:
        """Up to when a topic's events of a run are stored completely.

        Args:
            n_partitions: How many partitions hold events of the run.

        Returns:
            The least of the partitions' watermarks; None until each has one.
        """
        row = self._one(
            "SELECT min(watermark_ms), count(*) FROM stream_progress WHERE stream = %s AND topic = %s",
            (stream, topic),
        )
        return None if row is None or row[1] < n_partitions else row[0]

    def position(self, stream: str, *, n_instruments: int = 1) -> Position:
        """How far the stored candles and ticks of a run go.

        Args:
            n_instruments: How many it holds; until each of them has candles, there are none.
        """
        row = self._one(
            "SELECT count(last_candle_end_ms), min(last_candle_end_ms), max(last_tick_known_ms), max(last_trade_id) "
            "FROM market_positions WHERE stream = %s",
            (stream,),
        )
        n_with_candles, candle_end_ms, tick_known_ms, trade_id = row or (0, None, None, None)
        return Position(candle_end_ms if n_with_candles >= n_instruments else None, tick_known_ms, trade_id)

    def candles(self, stream: str) -> Iterator[events.CandleObserved]:
        """The stored candles of a run, by known time, instrument and start."""
        return self._stored(events.CandleObserved, stream, "known_time_ms, instrument, start_ms")

    def ticks(self, stream: str) -> Iterator[events.TickObserved]:
        """The stored ticks of a run, by known time, instrument and trade id."""
        return self._stored(events.TickObserved, stream, "known_time_ms, instrument, trade_id")

    def feature_table(
        self,
        stream: str,
        *,
        instrument: str,
        interval: str,
        until_ms: int | None = None,
        spec_hash: str | None = None,
    ) -> FeatureTable | None:
        """The stored features of an instrument and interval, of one set of features.

        Args:
            until_ms: The last as-of time, inclusive; None for all.
            spec_hash: Which set, of market features or of vectors; None for the market features of the
                newest row.

        Returns:
            The table, or None when nothing is stored.
        """
        key = (stream, instrument, interval, 2**62 if until_ms is None else until_ms)
        for kind in FEATURE_KINDS if spec_hash is not None else FEATURE_KINDS[:1]:
            found = self._feature_table(TABLES[kind].name, key, spec_hash)
            if found is not None:
                return found
        return None

    def _feature_table(
        self, table: str, key: tuple[str, str, str, int], spec_hash: str | None
    ) -> FeatureTable | None:
        where = "stream = %s AND instrument = %s AND interval = %s AND event_time_ms <= %s"
        chosen = "" if spec_hash is None else " AND feature_spec_hash = %s"
        # The newest row first, then its names: joined at once, all rows may be read before the newest is taken.
        spec = self._one(
            "SELECT feature_spec_hash, names FROM feature_specs WHERE feature_spec_hash = "
            f"(SELECT feature_spec_hash FROM {table} WHERE {where}{chosen} ORDER BY event_time_ms DESC LIMIT 1)",
            key if spec_hash is None else (*key, spec_hash),
        )
        if spec is None:
            return None
        rows = self._all(
            f"SELECT event_time_ms, known_time_ms, close, is_warm, feature_values FROM {table} "
            f"WHERE {where} AND feature_spec_hash = %s AND cardinality(feature_values) = %s ORDER BY event_time_ms",
            (*key, spec[0], len(spec[1])),
        )
        as_of, known, close, is_warm, values = zip(*rows, strict=True)
        return FeatureTable(
            names=tuple(spec[1]),
            feature_spec_hash=spec[0],
            as_of_ms=np.array(as_of, dtype=np.int64),
            known_ms=np.array(known, dtype=np.int64),
            close=np.array(close, dtype=np.float64),
            is_warm=np.array(is_warm, dtype=np.bool_),
            values=np.array(values, dtype=np.float64).reshape(len(rows), len(spec[1])),
        )

    def feature_closes(self, stream: str, *, instrument: str, interval: str, until_ms: int) -> FeatureCloses:
        """The closes beside the stored features of an instrument and interval, of whichever set.

        Args:
            until_ms: The last as-of time, inclusive.

        Returns:
            Oldest first; empty when nothing is stored.
        """
        rows = self._all(
            "SELECT DISTINCT ON (event_time_ms) event_time_ms, known_time_ms, close FROM features "
            "WHERE stream = %s AND instrument = %s AND interval = %s AND event_time_ms <= %s "
            "ORDER BY event_time_ms, feature_spec_hash",
            (stream, instrument, interval, until_ms),
        )
        return FeatureCloses(
            as_of_ms=np.array([row[0] for row in rows], dtype=np.int64),
            known_ms=np.array([row[1] for row in rows], dtype=np.int64),
            close=np.array([row[2] for row in rows], dtype=np.float64),
        )

    def newest_features(
        self, stream: str, *, instrument: str, interval: str
    ) -> events.FeaturesComputed | None:
        """The stored features of the newest bar, or None."""
        rows = self._dicts(
            "SELECT stream, instrument, interval, event_time_ms, known_time_ms, source, close, is_warm, "
            "feature_spec_hash, feature_values, names FROM (SELECT * FROM features "
            "WHERE stream = %s AND instrument = %s AND interval = %s ORDER BY event_time_ms DESC LIMIT 1) AS newest "
            "JOIN feature_specs USING (feature_spec_hash)",
            (stream, instrument, interval),
        )
        if not rows:
            return None
        row = rows[0]
        values = dict(zip(row.pop("names"), null_from_nan(row.pop("feature_values")), strict=True))
        return msgspec.convert(row | {"values": values}, events.FeaturesComputed)

    def bars(self, stream: str, *, instrument: str, interval: str, limit: int) -> list[events.BarClosed]:
        """The newest stored bars, oldest first."""
        rows = self._dicts(
            "SELECT * FROM bars WHERE stream = %s AND instrument = %s AND interval = %s "
            "ORDER BY start_ms DESC LIMIT %s",
            (stream, instrument, interval, limit),
        )
        return [msgspec.convert(row, events.BarClosed) for row in reversed(rows)]

    def closes(
        self, stream: str, *, instrument: str, interval: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The end and the close of every stored bar, oldest first."""
        rows = self._all(
            "SELECT event_time_ms, close FROM bars WHERE stream = %s AND instrument = %s AND interval = %s "
            "ORDER BY start_ms",
            (stream, instrument, interval),
        )
        return (
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype=np.float64),
        )

    def last_predicted_ms(self, stream: str) -> dict[Target, int]:
        """The newest stored as-of time of each kind of prediction of a run."""
        rows = self._all(
            "SELECT instrument, interval, horizon, event_time_ms FROM prediction_records held "
            f"CROSS JOIN LATERAL (SELECT event_time_ms FROM predictions made WHERE {_of('made', 'held')} "
            "ORDER BY event_time_ms DESC LIMIT 1) AS newest WHERE stream = %s",
            (stream,),
        )
        return {Target(stream, row[0], row[1], row[2]): row[3] for row in rows}

    def unresolved(self) -> list[events.PredictionMade]:
        """The stored predictions, of all runs, that have no outcome yet, oldest first."""
        columns = ", ".join(f"found.{column}" for column in events.PredictionMade.__struct_fields__)
        # The limit has each row looked up by its key: a join may read all predictions instead.
        rows = self._dicts(
            f"SELECT {columns} FROM unresolved_predictions waiting CROSS JOIN LATERAL ("
            f"SELECT * FROM predictions made WHERE {_of('made', 'waiting')} "
            "AND made.event_time_ms = waiting.event_time_ms LIMIT 1) AS found ORDER BY found.event_time_ms",
            (),
        )
        return [msgspec.convert(row, events.PredictionMade) for row in rows]

    def predictions(self, target: Target, *, limit: int, before_ms: int | None = None) -> Page:
        """Stored predictions with their outcomes, newest first.

        Args:
            before_ms: Only as-of times before this; None for the newest.
        """
        with self._snapshot() as cursor:
            return _page(cursor, target, limit=limit, before_ms=before_ms)

    def predictions_with_record(self, target: Target, *, limit: int) -> tuple[Page, Record]:
        """The newest predictions with their outcomes, and the record of the same moment."""
        with self._snapshot() as cursor:
            return _page(cursor, target, limit=limit, before_ms=None), _record(cursor, target)

    def record(self, target: Target) -> Record:
        """The running record of a kind of prediction, kept by triggers as rows are written: one row is read."""
        with (
            translated(),
            self._pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return _record(cursor, target)

    def promotions(self, stream: str) -> list[events.ModelPromoted]:
        """The stored promotions of a run, oldest first."""
        rows = self._dicts("SELECT * FROM promotions WHERE stream = %s ORDER BY effective_from_ms", (stream,))
        return [msgspec.convert(row, events.ModelPromoted) for row in rows]

    def first_predicted_ms(self, target: Target, *, model_version: str, from_ms: int) -> int | None:
        """The first as-of time, from a time on, that a version predicted of a target and that is stored; or None."""
        row = self._one(
            "SELECT event_time_ms FROM predictions WHERE stream = %s AND instrument = %s AND interval = %s "
            "AND horizon = %s AND event_time_ms >= %s AND model_version = %s ORDER BY event_time_ms LIMIT 1",
            (*target, from_ms, model_version),
        )
        return None if row is None else row[0]

    def promotion_effects(self, stream: str) -> list[events.PromotionTookEffect]:
        """From when on the stored promotions of a run predicted, in the order of these times."""
        rows = self._dicts(
            "SELECT * FROM promotion_effects WHERE stream = %s ORDER BY event_time_ms, effective_from_ms",
            (stream,),
        )
        return [msgspec.convert(row, events.PromotionTookEffect) for row in rows]

    def champions(self, stream: str) -> list[events.ModelPromoted]:
        """The newest stored champion of each kind of prediction of a run, by target."""
        rows = self._dicts(
            "SELECT DISTINCT ON (instrument, interval, horizon) * FROM promotions "
            "WHERE stream = %s AND alias = %s "
            "ORDER BY instrument, interval, horizon, effective_from_ms DESC, model_version DESC",
            (stream, CHAMPION),
        )
        return [msgspec.convert(row, events.ModelPromoted) for row in rows]

    def _stored(self, kind: type[Any], stream: str, order: str) -> Iterator[Any]:
        table = TABLES[kind]
        query = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE stream = %s ORDER BY {order}"
        with translated(), self._pool.connection() as connection, connection.cursor("stored") as cursor:
            cursor.itersize = 10_000
            cursor.execute(query, (stream,))
            for row in cursor:
                yield msgspec.convert(dict(zip(table.columns, row, strict=True)), kind)

    @contextmanager
    def _snapshot(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        """A cursor whose queries all see the same moment."""
        with (
            translated(),
            self._pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor

    def _one(self, query: str, parameters: Sequence[Any]) -> Any:
        with translated(), self._pool.connection() as connection:
            return connection.execute(query, parameters).fetchone()

    def _all(self, query: str, parameters: Sequence[Any]) -> list[Any]:
        with translated(), self._pool.connection() as connection:
            return connection.execute(query, parameters, binary=True).fetchall()

    def _dicts(self, query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        with (
            translated(),
            self._pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query, parameters).fetchall()


def _of(one: str, other: str) -> str:
    """That two tables' rows are of the same target."""
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in Target._fields)


def _page(
    cursor: psycopg.Cursor[dict[str, Any]], target: Target, *, limit: int, before_ms: int | None
) -> Page:
    where = "stream = %s AND instrument = %s AND interval = %s AND horizon = %s"
    made = cursor.execute(
        f"SELECT * FROM predictions WHERE {where} AND event_time_ms < %s ORDER BY event_time_ms DESC LIMIT %s",
        (*target, 2**62 if before_ms is None else before_ms, limit),
    ).fetchall()
    if not made:
        return []
    resolved = cursor.execute(
        f"SELECT * FROM outcomes WHERE {where} AND features_as_of_ms BETWEEN %s AND %s "
        "ORDER BY features_as_of_ms DESC",
        (*target, made[-1]["event_time_ms"], made[0]["event_time_ms"]),
    ).fetchall()
    outcomes = {row["features_as_of_ms"]: msgspec.convert(row, events.OutcomeResolved) for row in resolved}
    return [(msgspec.convert(row, events.PredictionMade), outcomes.get(row["event_time_ms"])) for row in made]


def _record(cursor: psycopg.Cursor[dict[str, Any]], target: Target) -> Record:
    row = cursor.execute(
        f"SELECT {', '.join(Record._fields)} FROM prediction_records "
        "WHERE stream = %s AND instrument = %s AND interval = %s AND horizon = %s",
        target,
    ).fetchone()
    return Record(0, 0, 0, 0, 0) if row is None else Record(**row)
