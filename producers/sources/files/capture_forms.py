"""The forms of captures: recordings of a venue's WebSocket messages."""

from itertools import islice
from pathlib import Path

from producers.normalise.binance import TRADE, instrument_of_trade, message_kind, read_trade
from producers.sources.files.decompressing import FileHead, lines_of, opened
from producers.sources.files.forms import FileForm, ReadRequest
from producers.sources.files.reports import Certainty, DataKind, FileReport
from schemas.errors import ContractError

_TRADE_EXPECTED_WITHIN = 20_000


class BinanceCapture(FileForm):
    """Lines of local nanoseconds, a space and a message of Binance's combined stream."""

    name = "binance-capture"
    kind = DataKind.CAPTURE

    def recognises(self, head: FileHead) -> Certainty | None:
        """Return whether the first line is such a line."""
        local_ns, _, payload = head.beginning.split(b"\n", 1)[0].partition(b" ")
        return Certainty.CERTAIN if local_ns.isdigit() and payload.startswith(b"{") else None

    def instrument_of(self, head: FileHead, path: Path) -> str | None:  # noqa: ARG002  (of the protocol)
        """Return the instrument of the first trade, or None if no trade is near the beginning."""
        with opened(path) as file:
            for line in islice(lines_of(file), _TRADE_EXPECTED_WITHIN):
                found = _instrument_of_line(line)
                if found is not None:
                    return found
        return None

    def report(self, path: Path, head: FileHead, request: ReadRequest) -> FileReport:  # noqa: ARG002  (of the protocol)
        """Read the capture and say what it holds.

        Args:
            path: The file.
            head: Its first bytes.
            request: What is known beside the file.
        """
        from producers.sources.files.captures import survey_capture

        survey = survey_capture(path, instrument=request.instrument)
        return FileReport(
            form=self.name,
            title="a recording of Binance's combined WebSocket stream",
            kind=self.kind,
            certainty=Certainty.CERTAIN,
            instrument=survey.instrument,
            n_rows=sum(survey.n_messages.values()) + len(survey.bad_lines),
            n_good=sum(survey.n_messages.values()),
            first_ms=survey.first_known_ms,
            last_ms=survey.last_known_ms,
        )


def _instrument_of_line(line: bytes) -> str | None:
    try:
        kind, body = message_kind(line.partition(b" ")[2])
        return instrument_of_trade(read_trade(body)) if kind == TRADE else None
    except ContractError:
        return None


CAPTURE_FORMS: tuple[FileForm, ...] = (BinanceCapture(),)
