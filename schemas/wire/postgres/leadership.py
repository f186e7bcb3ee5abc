"""One leader among the processes of a job: who holds an advisory lock of Postgres on a session of its own.

The lock ends with the session, so with the process, however it dies. Behind a pooler that gives each transaction
another session such a lock means nothing: the direct address of the database is needed.
"""

import hashlib

import psycopg

from schemas.wire.postgres.pools import check_url
from schemas.wire.postgres.refusals import translated

#: A leader whose machine is gone is noticed by the server after about half a minute.
_SESSION = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4"


class Leadership:
    """A place that one process holds at a time.

    Args:
        database_url: The direct address of the database.
        name: The name of the place.
    """

    def __init__(self, database_url: str, name: str) -> None:
        check_url(database_url)
        self._url = database_url
        self._key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        self._session: psycopg.Connection | None = None
        self._is_leader = False

    def take(self) -> bool:
        """Take the place if it is free, and return whether it is held now.

        Raises:
            StoreUnavailableError: If Postgres does not answer.
        """
        if self._is_leader and self.is_held():
            return True
        with translated():
            if self._session is None or self._session.closed:
                self._session = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=3, prepare_threshold=None, options=_SESSION
                )
            row = self._session.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone()
        self._is_leader = row is not None and bool(row[0])
        return self._is_leader

    def is_held(self) -> bool:
        """Return whether this process holds the place, because the session with which it was taken still lives."""
        if self._session is None or not self._is_leader:
            return False
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Give the place up."""
        if self._session is not None:
            self._session.close()
        self._session, self._is_leader = None, False
