"""A timer that ends a process in which a library never releases the interpreter's lock.

The watchdog is a Python thread. A step inside a library that never releases the interpreter's lock, such as
a regular expression that backtracks without end, keeps the watchdog from running too. The operating system
counts the process's CPU time and needs no lock. Unless the timer is renewed, the system sends SIGPROF, the
interpreter's own C code writes where every thread is, and the process ends by the signal.

The timer counts CPU time and not wall-clock time, because a machine that slept or a process that was
stopped has used no CPU time. A library that holds the lock and waits without using CPU time is therefore
not noticed: from inside it looks like a process that was stopped.
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
    """Ends the process unless it is renewed. Only a worker in the main thread has a running timer.

    Args:
        cpu_s: How much CPU time the process may use between two renewals.
        trace: The file that tells where each thread was; None means stderr.
    """

    def __init__(self, *, cpu_s: float, trace: Path | None) -> None:
        self.cpu_s = cpu_s
        self._trace = trace
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._is_on = False

    def start(self) -> None:
        """Start the timer. It stays off in a worker outside the main thread, as in tests."""
        if threading.current_thread() is not threading.main_thread():
            return
        try:
            self._file = None if self._trace is None else self._trace.open("wb")
        except OSError as error:
            log.warning("the file for traces cannot be opened, so they go to stderr", reason=str(error))
        faulthandler.register(
            SIGNAL, file=self._file or sys.__stderr__ or _STDERR, all_threads=True, chain=True
        )
        self._is_on = True
        self.renew()

    def renew(self) -> None:
        """Start counting at zero again."""
        with self._lock:
            if self._is_on:
                signal.setitimer(signal.ITIMER_PROF, self.cpu_s)

    def stop(self) -> None:
        """Stop the timer."""
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
    """Return and delete what the timer of an earlier process wrote; empty if it did not end that process."""
    if trace is None:
        return ""
    try:
        written = trace.read_text(errors="replace")
        trace.unlink(missing_ok=True)
    except OSError:
        return ""
    return written
