"""The recorder of a live run, which begins at the first message, so that a warm-up loads nothing for it."""

from threading import Lock
from typing import Protocol

from producers.jobs.following.notes import NoRecorder, Recorder
from producers.jobs.recording.settings import RecordingSettings
from producers.sources.sockets import Received
from producers.sources.venues import Reading
from schemas.time import Clock


class FileRecording(Protocol):
    """What is used of a recorder of files."""

    def record(self, source: str, received: Received, reading: Reading) -> None:
        """Keep a message; see the port."""

    def close(self) -> None:
        """Write what waits."""


class RunRecorder(Recorder):
    """Records the raw quotes of a run, of which the log gets one a second. It begins at the first message.

    Args:
        settings: What is recorded, and where.
        clock: The clock.
        stream: The run.
    """

    def __init__(self, settings: RecordingSettings, clock: Clock, *, stream: str) -> None:
        self._settings = settings
        self._clock = clock
        self._stream = stream
        self._lock = Lock()
        self._begun: FileRecording | None = None

    def record(self, source: str, received: Received, reading: Reading) -> None:
        """Keep a message; see the port."""
        begun = self._begin() if self._begun is None else self._begun
        begun.record(source, received, reading)

    def _begin(self) -> FileRecording:
        with self._lock:
            if self._begun is None:
                self._begun = self._opened()
            return self._begun

    def _opened(self) -> FileRecording:
        from producers.jobs.recording.kinds import RecordedKind
        from producers.jobs.recording.recorders import FileRecorder

        settings = self._settings
        recorder = FileRecorder(
            settings.folder,
            self._clock,
            stream=self._stream,
            kinds=[RecordedKind.QUOTES],
            options=settings.options,
        )
        recorder.start()
        return recorder

    def close(self) -> None:
        """Write what waits."""
        if self._begun is not None:
            self._begun.close()


def recorder_of(settings: RecordingSettings, clock: Clock, *, stream: str) -> RunRecorder | NoRecorder:
    """Return the recorder of a run; one that keeps nothing if nothing is to be recorded.

    Args:
        settings: What is recorded, and where.
        clock: The clock.
        stream: The run.
    """
    return RunRecorder(settings, clock, stream=stream) if settings.recording else NoRecorder()
