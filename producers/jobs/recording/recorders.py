"""The recorder: keeps rows in memory for a short time, and writes them as parts from a thread of its own.

Followers hand messages over and never wait for the disk. A process that is killed with -9 loses the rows of at most the
last ``flush_s`` seconds; a process that ends writes all of them. If the disk cannot be written, rows wait for it up to a
limit, so that memory stays bounded; what comes after that is let go, counted, and stated in the next part.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import structlog

from producers.jobs.following.notes import Recorder
from producers.jobs.recording.folders import DAY_MS, PartFacts, day_folder, days
from producers.jobs.recording.kinds import RECEIVED_COLUMN, RecordedKind, Row, rows_of
from producers.jobs.recording.recorder_options import RecorderOptions
from producers.sources.sockets import Received
from producers.sources.venues import Reading
from schemas.errors import StateError
from schemas.time import Clock, text_of_time

log = structlog.get_logger()

#: A day becomes one file this long after its end, when every recorder has written what it had.
_MERGED_AFTER_MS = 600_000


class FileRecorder(Recorder):
    """Writes what is recorded of one run. Several recorders may write into one folder, in one process or in several.

    Args:
        folder: Of all recordings.
        clock: The clock.
        stream: The run.
        kinds: What is recorded.
        options: How it works.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        stream: str,
        kinds: Collection[RecordedKind] = tuple(RecordedKind),
        options: RecorderOptions | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._stream = stream
        self._kinds = frozenset(kinds)
        self._options = options or RecorderOptions()
        self._session = secrets.token_hex(4)
        self._number = 0
        self._lock = threading.Lock()
        self._rows: dict[RecordedKind, list[Row]] = {kind: [] for kind in self._kinds}
        self._n_lost: dict[RecordedKind, int] = dict.fromkeys(self._kinds, 0)
        self._covered_ms: dict[RecordedKind, int] = dict.fromkeys(self._kinds, clock.now_ms())
        self._merged_until_ms = 0
        self._is_due = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    # Followers, each in its own thread

    def record(self, source: str, received: Received, reading: Reading) -> None:
        """Keep what is wanted of a message. It never waits for the disk.

        Args:
            source: Who sent it.
            received: The message.
            reading: What it says.
        """
        for kind, row in rows_of(reading, source=source, received_ms=received.received_ms, kinds=self._kinds):
            self.add(kind, row)

    def add(self, kind: RecordedKind, row: Row) -> None:
        """Keep one row, which did not come over a socket.

        Args:
            kind: Of the row; one that is not recorded is left out.
            row: Its values.
        """
        waiting = self._rows.get(kind)
        if waiting is None:
            return
        with self._lock:
            if len(waiting) >= self._options.most_rows:
                self._n_lost[kind] += 1
                return
            waiting.append(row)
            if len(waiting) == self._options.rows_of_part:
                self._is_due.set()

    # The thread that writes

    def start(self) -> None:
        """Begin to write from a thread."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_closed:
            self._is_due.wait(self._options.flush_s)
            self._is_due.clear()
            self.flush()
            self.merge()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._is_closed = True
        self._is_due.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Write everything that waits. What cannot be written now waits on; nothing is raised."""
        for kind in self._kinds:
            try:
                self._flush(kind)
            except OSError as error:
                log.warning("a recording cannot be written", kind=str(kind), reason=str(error))

    def _flush(self, kind: RecordedKind) -> None:
        with self._lock:
            now_ms = self._clock.now_ms()
            # Two threads may hand over rows of both sides of midnight in turns.
            self._rows[kind].sort(key=_day_ms)
            by_day = [(day_ms, list(rows)) for day_ms, rows in groupby(self._rows[kind], _day_ms)]
        for day_ms, rows in by_day:
            self._write(kind, day_ms, rows, until_ms=min(now_ms, day_ms + DAY_MS))

    def _write(self, kind: RecordedKind, day_ms: int, rows: list[Row], *, until_ms: int) -> None:
        """Write rows of one day as a part, and forget them."""
        from producers.jobs.recording.parts import table_of, write_part

        n_lost, from_ms = self._n_lost[kind], self._covered_ms[kind]
        until_ms = max(from_ms, until_ms)
        table = table_of(kind, rows)
        if len(table):
            where = day_folder(self._folder, self._stream, kind, day_ms)
            facts = PartFacts(stretches=((from_ms, until_ms),), n_lost=n_lost + len(rows) - len(table))
            write_part(where, table, facts, session=self._session, number=self._next_number())
        with self._lock:
            del self._rows[kind][: len(rows)]
            self._n_lost[kind] -= n_lost
        self._covered_ms[kind] = until_ms

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    # Days that are over

    def merge(self) -> None:
        """Make one file of each day that is over, if another recorder is not at it. Nothing is raised."""
        until_ms = (self._clock.now_ms() - _MERGED_AFTER_MS) // DAY_MS * DAY_MS
        if until_ms <= self._merged_until_ms:
            return
        try:
            with _only_one(self._folder) as is_alone:
                if is_alone:
                    self._merge_before(text_of_time(until_ms, "day"))
                    self._merged_until_ms = until_ms
        except OSError as error:
            log.warning("a recorded day cannot be made one file", reason=str(error))

    def _merge_before(self, day: str) -> None:
        for kind in RecordedKind:
            for folder in days(self._folder, self._stream, kind):
                if folder.name < day:
                    self._merge_day(folder, kind)

    def _merge_day(self, folder: Path, kind: RecordedKind) -> None:
        from producers.jobs.recording.day_files import merge_day

        try:
            merge_day(folder, kind, session=self._session, number=self._next_number())
        except StateError as error:
            log.warning("a recorded day cannot be made one file", reason=str(error))


def _day_ms(row: Row) -> int:
    received_ms: int = row[RECEIVED_COLUMN]
    return received_ms // DAY_MS * DAY_MS


@contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Yield whether nobody else makes files of days now; a process that dies gives the place free."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".merging", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
