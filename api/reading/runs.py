"""Reads the description of the served run. The description never changes, so it is read once."""

from typing import Annotated

from fastapi import Depends

from api.reading.guarded import GuardedHistory
from api.reading.parts import part
from schemas.errors import NotReadyError
from schemas.streams import StreamDescription, StreamKind, kind_of_stream
from schemas.wire.postgres.streams import StoredStreams


class RunReader:
    """Reads what is known of one run.

    Args:
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, history: GuardedHistory, *, stream: str) -> None:
        self.stream = stream
        self._history = history
        self._streams = StoredStreams(history.pool)
        self._description: StreamDescription | None = None

    def description(self) -> StreamDescription:
        """Return the description of the run.

        Raises:
            NotReadyError: If the run has not been registered yet.
            StoreUnavailableError: If Postgres does not answer.
        """
        if self._description is None:
            with self._history.asked():
                self._description = self._streams.stream(self.stream)
        if self._description is None:
            message = f"stream {self.stream} has not begun: nothing of it was published yet"
            raise NotReadyError(message)
        return self._description

    def kind(self) -> StreamKind:
        """Return the kind of the run; its id begins with the kind."""
        if self._description is not None:
            return self._description.kind
        return kind_of_stream(self.stream)


RunPart = Annotated[RunReader, Depends(part(RunReader))]
