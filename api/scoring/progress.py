"""How far the sources are of which rows are predicted, and how far the label join was told they are.

Pure. Stands apart from :mod:`.operators` as the part that knows only watermarks. A source's rows are all
predicted by a time when the market processor's watermark has passed it and, where an instrument of the
source has companions, the one of the second-stage join too.
"""

import msgspec

from api.scoring.rows import NEVER_MS
from schemas.time import Interval

#: The label join is told each quarter of an hour of the stream's time: it needs to know no finer.
EVERY_MS = Interval.FIFTEEN_MINUTES.milliseconds


class Mark(msgspec.Struct, array_like=True):
    """How far a source is in one run.

    Attributes:
        market_ms: Its watermark among market features.
        vectors_ms: Its watermark among vectors.
        awaits_vectors: Whether an instrument with companions was seen.
        told_ms: What the label join was told last.
    """

    market_ms: int = NEVER_MS
    vectors_ms: int = NEVER_MS
    awaits_vectors: bool = False
    told_ms: int = NEVER_MS

    @property
    def passed_ms(self) -> int:
        """All rows by then were read."""
        return min(self.market_ms, self.vectors_ms) if self.awaits_vectors else self.market_ms


class Marks:
    """The marks of every run and source in a partition.

    Args:
        n_kept: For how many bars before the watermark a row may still be predicted.
    """

    def __init__(self, *, n_kept: int) -> None:
        self._n_kept = n_kept
        self._marks: dict[tuple[str, str], Mark] = {}

    def of(self, stream: str, source: str) -> Mark:
        """One source's."""
        return self._marks.setdefault((stream, source), Mark())

    def until_ms(self, stream: str, source: str, interval: Interval) -> int:
        """Rows of bars of a length that ended by then are predicted no more: the label join was told so.

        Args:
            stream: The run.
            source: The source of the bars.
            interval: The length of the bars.
        """
        mark = self._marks.get((stream, source))
        if mark is None or mark.told_ms == NEVER_MS:
            return NEVER_MS
        return mark.told_ms - self._n_kept * interval.milliseconds

    def await_vectors(self, stream: str, source: str) -> bool:
        """Note that an instrument of the source has companions; whether that is new."""
        mark = self.of(stream, source)
        is_new, mark.awaits_vectors = not mark.awaits_vectors, True
        return is_new

    def advance(self, stream: str, source: str, time_ms: int, *, is_of_vectors: bool) -> bool:
        """Take a watermark in; whether it is later than the one before.

        Args:
            stream: The run.
            source: The source that said the watermark.
            time_ms: The watermark.
            is_of_vectors: Whether it came on the topic of joined vectors, and not on that of market features.
        """
        mark = self.of(stream, source)
        before_ms = mark.vectors_ms if is_of_vectors else mark.market_ms
        if time_ms <= before_ms:
            return False
        if is_of_vectors:
            mark.vectors_ms = time_ms
        else:
            mark.market_ms = time_ms
        return True

    def newly_passed_ms(self, stream: str, source: str) -> int | None:
        """What the label join is to be told now; None where it knows."""
        mark = self.of(stream, source)
        if mark.passed_ms == NEVER_MS:
            return None
        passed_ms = mark.passed_ms - mark.passed_ms % EVERY_MS
        if passed_ms <= mark.told_ms:
            return None
        mark.told_ms = passed_ms
        return passed_ms

    def restore(self, stream: str, source: str, kept: bytes, *, may_await_vectors: bool) -> None:
        """Take over one source's.

        Args:
            may_await_vectors: Whether an instrument of it has companions now. Where none has any more, nobody
                says how far its vectors are, and waiting for that would never end.
        """
        mark = self._marks[(stream, source)] = msgspec.msgpack.decode(kept, type=Mark)
        mark.awaits_vectors = mark.awaits_vectors and may_await_vectors

    def forget(self, stream: str) -> list[str]:
        """Drop a run's; the sources that went."""
        gone = [source for known, source in self._marks if known == stream]
        for source in gone:
            del self._marks[(stream, source)]
        return gone
