"""A timer that ends a process whose interpreter is held: the watchdog of the watchdog.

The watchdog is a Python thread. A step inside a library that never lets go of the interpreter's lock,
such as a regular expression that backtracks for ever, keeps it from running too. The system counts the
process' CPU time meanwhile, and needs no lock: unless the timer is renewed, SIGPROF comes, the
interpreter's own C code writes down where every thread is, and the process ends by the signal.

CPU time and not the clock on the wall, since a machine that slept, or a process that was stopped, has
used none. So what this does not see is a library that holds the lock and waits: there is no way to tell
that from a process that was stopped, from inside.
"""

import faulthandler
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import structlog

log = structlog.get_logger()
SIGNAL = signal.SIGPROF
_STDERR = 2


class InterpreterTimer:
    """Ends the process unless it is renewed; of the main thread's worker alone.

    Args:
        cpu_s: How much CPU time the process may use between two renewals.
        trace: Where the places of all threads are written; None means stderr.
    """

    def __init__(self, *, cpu_s: float, trace: Path | None) -> None:
        self.cpu_s = cpu_s
        self._trace = trace
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._is_on = False

    def start(self) -> None:
        """Begin to count. A worker that is not its process' own, as in tests, has no timer."""
        if threading.current_thread() is not threading.main_thread():
            return
        try:
            self._file = None if self._trace is None else self._trace.open("wb")
        except OSError as error:
            log.warning("traces go to stderr", reason=str(error))
        faulthandler.register(
            SIGNAL, file=self._file or sys.__stderr__ or _STDERR, all_threads=True, chain=True
        )
        self._is_on = True
        self.renew()

    def renew(self) -> None:
        """Count from nothing again."""
        with self._lock:
            if self._is_on:
                signal.setitimer(signal.ITIMER_PROF, self.cpu_s)

    def stop(self) -> None:
        """Count no more."""
        with self._lock:
            if not self._is_on:
                return
            self._is_on = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.unregister(SIGNAL)
        if self._file is not None and self._trace is not None:
            self._file.close()
            with suppress(OSError):
                self._trace.unlink(missing_ok=True)


def trace_of_earlier_process(trace: Path | None) -> str:
    """What the timer of an earlier process wrote, which is taken away; empty if it did not end it."""
    if trace is None:
        return ""
    try:
        written = trace.read_text(errors="replace")
        trace.unlink(missing_ok=True)
    except OSError:
        return ""
    return written
