"""The forms of captures: recordings of a venue's WebSocket messages."""

from producers.sources.files.forms import FileForm

CAPTURE_FORMS: tuple[FileForm, ...] = ()
