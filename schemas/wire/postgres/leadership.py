"""One leader among the processes of a job: the one that holds an advisory lock of Postgres.

The lock belongs to a transaction that stays open on a connection of its own. It ends with the connection, so with the
process, however it dies. A transaction keeps its connection also behind a pooler, which a session does not. It
holds no snapshot between two statements, so nothing waits for it.
"""

import contextlib
import hashlib

import psycopg

from schemas.wire.postgres.addresses import address_of
from schemas.wire.postgres.refusals import translated

#: A leader whose machine is gone is noticed by the server after about half a minute.
_KEEPALIVES = (
    "SELECT set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '5', true), "
    "set_config('tcp_keepalives_count', '4', true)"
)


class Leadership:
    """A place that one process holds at a time.

    Args:
        database_url: The address of the database.
        name: The name of the place.
    """

    def __init__(self, database_url: str, name: str) -> None:
        self._address = address_of(database_url)
        self._key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        self._session: psycopg.Connection | None = None
        self._is_leader = False

    def take(self) -> bool:
        """Take the place if it is free, and return whether it is held now.

        Raises:
            StoreUnavailableError: If Postgres does not answer.
        """
        if self.is_held():
            return True
        with translated():
            session = self._opened()
            session.execute(_KEEPALIVES)
            row = session.execute("SELECT pg_try_advisory_xact_lock(%s)", (self._key,)).fetchone()
            self._is_leader = row is not None and bool(row[0])
            if not self._is_leader:
                session.rollback()
        return self._is_leader

    def is_held(self) -> bool:
        """Return whether this process holds the place, because the transaction in which it was taken is still open."""
        if self._session is None or not self._is_leader:
            return False
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Give the place up; it is free when this returns, unless the connection is lost."""
        if self._session is not None:
            with contextlib.suppress(psycopg.Error):
                self._session.rollback()
            self._session.close()
        self._session, self._is_leader = None, False

    def _opened(self) -> psycopg.Connection:
        if self._session is None or self._session.closed:
            self.close()
            self._session = psycopg.connect(self._address.url, **self._address.options())
        return self._session
