"""The forms of files of trades."""

from producers.sources.files.forms import FileForm

TRADE_FORMS: tuple[FileForm, ...] = ()
