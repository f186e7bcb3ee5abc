"""The pool of connections to Postgres that all subjects of the durable store share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import ConnectionPool

from schemas.errors import PlatformError
from schemas.wire.postgres.addresses import address_of
from schemas.wire.postgres.refusals import translated, translated_writes


class PostgresPool:
    """A pool of connections to the durable store, which its subjects share. It is open within a ``with`` block.

    Args:
        database_url: A ``postgresql://`` URL; :mod:`.addresses` says how a pooler is recognised.
        max_connections: The number of calls that may run at once.
        timeout_s: The seconds that a call waits for a connection; None waits 5 s for a server on this machine, and 20 s
            for one that is far away, which may have to wake up.
    """

    def __init__(
        self, database_url: str, *, max_connections: int = 2, timeout_s: float | None = None
    ) -> None:
        address = address_of(database_url)
        self._pool = ConnectionPool(
            address.url,
            min_size=1,
            max_size=max_connections,
            open=False,
            timeout=address.patience_s if timeout_s is None else timeout_s,
            check=ConnectionPool.check_connection,
            kwargs=address.options(),
        )

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect in the background; calls wait for a connection for some seconds."""
        self._pool.open()

    def close(self) -> None:
        """Close every connection of the pool."""
        self._pool.close()

    def is_ready(self) -> bool:
        """Return whether Postgres answers a query now."""
        try:
            with translated(), self._pool.connection(timeout=1.0) as connection:
                connection.execute("SELECT 1")
        except PlatformError:
            return False
        return True

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[TupleRow]]:
        """Yield a connection whose block is one transaction."""
        with translated(), self._pool.connection() as connection:
            yield connection

    @contextmanager
    def cursor(self) -> Iterator[psycopg.Cursor[DictRow]]:
        """Yield a cursor that reads rows as dictionaries, in a transaction of its own."""
        with self.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            yield cursor

    @contextmanager
    def snapshot(self) -> Iterator[psycopg.Cursor[DictRow]]:
        """Yield a cursor whose queries all see the same moment."""
        with self.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor

    @contextmanager
    def writes(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """Yield a cursor that writes in one transaction.

        Raises:
            RowRefusedError: If a row of the block is refused, whatever the reason; nothing was stored.
        """
        with translated_writes(), self._pool.connection() as connection, connection.cursor() as cursor:
            yield cursor

    def row(self, query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Any:
        """Return the first row of a query, or None."""
        with self.connection() as connection:
            return connection.execute(query, parameters).fetchone()

    def rows(self, query: str, parameters: Sequence[Any]) -> list[Any]:
        """Return all rows of a query, which Postgres sends in binary form."""
        with self.connection() as connection:
            return connection.execute(query, parameters, binary=True).fetchall()

    def dicts(self, query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[DictRow]:
        """Return all rows of a query as dictionaries."""
        with self.cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()
