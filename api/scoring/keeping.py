"""Keeps the rows of every series of a partition, in both forms, and their part of the state.

Pure. This module is separate from :mod:`.operators` because it knows which rows a version could take, and knows nothing
of targets, promotions or decisions.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec

from api.scoring.keys import rows_parts, series_key
from api.scoring.rows import (
    NEVER_MS,
    FeatureNames,
    PackedRow,
    RowForm,
    RowSeries,
    SeriesKey,
    SeriesStanding,
    packed_row,
)
from schemas.events import FeaturesComputed
from stream_processors.operators.changing import StateChanges, encode


class KeptRows:
    """The rows that may still be predicted, by series and form.

    Args:
        n_kept: For how many bars a row is kept.
        most_rows: The largest number of rows of all series.
        joined: The instruments with companions, which have vectors in addition to market features.
        told_ms: Returns up to when rows of a series get no more predictions, as the label join was told.
        changes: Records the changes of the state.
    """

    def __init__(
        self,
        *,
        n_kept: int,
        most_rows: int,
        joined: Collection[str],
        told_ms: Callable[[RowSeries], int],
        changes: StateChanges,
    ) -> None:
        self._n_kept = n_kept
        self._most_rows = most_rows
        self._joined = joined
        self._told_ms = told_ms
        self.changes = changes
        self._series: dict[SeriesKey, dict[RowForm, RowSeries]] = {}
        self._n_series = 0
        self._names = FeatureNames()

    def of_form(self, key: SeriesKey, form: RowForm) -> RowSeries | None:
        """Return the rows of one form of a series; None before the first row."""
        return self._series.get(key, {}).get(form)

    def of_features(self, key: SeriesKey, feature_spec_hash: str) -> RowSeries | None:
        """Return the rows that a version of these features takes; None if there are none yet."""
        forms = self._series.get(key, {})
        for series in forms.values():
            if series.standing.feature_spec_hash == feature_spec_hash:
                return series
        if key.instrument not in self._joined:
            return forms.get(RowForm.MARKET)
        # The form that has not been seen may have these features. If both were seen and have others, vectors are
        # what models are trained on.
        return forms.get(RowForm.VECTOR) if len(forms) == len(RowForm) else None

    def standing(self, key: SeriesKey, feature_spec_hash: str) -> SeriesStanding | None:
        """Return the position of the rows that a version takes, or else of another form; None before any row."""
        own = self.of_features(key, feature_spec_hash)
        forms = [*([] if own is None else [own]), *self._series.get(key, {}).values()]
        return forms[0].standing if forms else None

    def settled_ms(self, key: SeriesKey, feature_spec_hash: str) -> int:
        """Return the as-of time up to which no row is kept any more that a version of these features could take."""
        series = self.of_features(key, feature_spec_hash)
        return NEVER_MS if series is None else series.standing.let_go_ms

    def newest_ms(self, key: SeriesKey) -> int:
        """Return the newest as-of time of any row of a series."""
        forms = self._series.get(key, {}).values()
        return max((series.standing.newest_ms for series in forms), default=NEVER_MS)

    def unpredicted(self, key: SeriesKey) -> Iterable[FeaturesComputed]:
        """Return the kept rows of a series that may still be predicted, of every form, oldest first."""
        forms = [
            series.after(self._told_ms(series), self._names) for series in self._series.get(key, {}).values()
        ]
        return heapq.merge(*forms, key=lambda row: row.event_time_ms)

    def has_other_features(self, row: FeaturesComputed, feature_spec_hash: str) -> bool:
        """Return whether no row of this row's time has a version's features.

        An instrument with companions has two rows of each time. The question is then about its vector.
        """
        if row.instrument not in self._joined:
            return True
        key = SeriesKey(stream=row.stream, instrument=row.instrument, interval=row.interval)
        market = self.of_form(key, RowForm.MARKET)
        if market is None:
            return False
        return market.standing.feature_spec_hash not in {row.feature_spec_hash, feature_spec_hash}

    def vectors(self, stream: str, source: str) -> Iterator[tuple[SeriesKey, str]]:
        """Yield the series of a source that have vectors, each with the hash of their features."""
        for key, forms in self._series.items():
            vectors = forms.get(RowForm.VECTOR)
            if key.stream == stream and vectors is not None and vectors.standing.source == source:
                yield key, vectors.standing.feature_spec_hash

    def keep(self, key: SeriesKey, form: RowForm, row: FeaturesComputed) -> None:
        """Add a row that is newer than all others of its form, and drop rows that are too old.

        Args:
            key: The series of the row.
            form: The form of the row.
            row: The row. It is kept only if it is warm, and moves the position of the series in any case.
        """
        as_of_ms = row.event_time_ms
        series = self.of_form(key, form)
        if series is None:
            standing = SeriesStanding(row.source, as_of_ms, row.known_time_ms, row.feature_spec_hash)
            series = self._add(key, form, standing)
        standing, parts = series.standing, rows_parts(key, form)
        standing.newest_ms, standing.known_ms, standing.source = as_of_ms, row.known_time_ms, row.source
        standing.feature_spec_hash = row.feature_spec_hash
        if row.is_warm:
            standing.began_ms = as_of_ms if standing.began_ms is None else standing.began_ms
            names = tuple(row.values)
            if self._names.remember(key.stream, names):
                self.changes.put(("names", key.stream, self._names.digest(names)), encode(names))
            packed = packed_row(row, self._names)
            series.keep(as_of_ms, packed)
            self.changes.add(("row", *parts, as_of_ms), packed)
        until_ms = max(as_of_ms - self._n_kept * key.interval.milliseconds, self._told_ms(series))
        for gone_ms in series.let_go(until_ms, n_most=self._allowance()):
            self.changes.drop(("row", *parts, gone_ms))
        self.changes.put(("series", *parts), lambda: encode(standing))

    def _allowance(self) -> int:
        """Return the largest number of kept rows of a series."""
        return max(1, min(self._n_kept, self._most_rows // self._n_series))

    def _add(self, key: SeriesKey, form: RowForm, standing: SeriesStanding) -> RowSeries:
        series = self._series.setdefault(key, {})[form] = RowSeries(key, standing)
        self._n_series += 1
        return series

    def restore_names(self, stream: str, value: bytes) -> None:
        """Restore the names of a set of features."""
        self._names.remember(stream, tuple(msgspec.msgpack.decode(value, type=list[str])))

    def restore_series(self, stream: str, rest: list[Any], value: bytes) -> SeriesKey:
        """Restore the position of one form of a series, and return the series.

        Args:
            stream: The run.
            rest: The rest of the key of the state.
            value: The value of the state.
        """
        key = series_key(stream, rest)
        self._add(key, RowForm(rest[2]), msgspec.msgpack.decode(value, type=SeriesStanding))
        return key

    def restore_row(self, stream: str, rest: list[Any], value: bytes) -> None:
        """Restore a row of a series that was restored before.

        Args:
            stream: The run.
            rest: The rest of the key of the state.
            value: The value of the state.
        """
        msgspec.msgpack.decode(value, type=PackedRow)
        self._series[series_key(stream, rest)][RowForm(rest[2])].keep(rest[3], value)

    def forget(self, stream: str) -> None:
        """Drop all rows of a run that ended."""
        for key in [key for key in self._series if key.stream == stream]:
            for form, series in self._series.pop(key).items():
                self._n_series -= 1
                self.changes.drop(("series", *rows_parts(key, form)))
                for as_of_ms in series.as_of_times():
                    self.changes.drop(("row", *rows_parts(key, form), as_of_ms))
        for digest in self._names.forget(stream):
            self.changes.drop(("names", stream, digest))
