"""The stored features of runs, by instrument and interval: market features and vectors."""

import msgspec
import numpy as np

from schemas import events
from schemas.codec import null_from_nan
from schemas.features import FeatureCloses, FeatureTable
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import FEATURE_KINDS, TABLES


class StoredFeatures:
    """Reads the features of runs, as they were published."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def feature_table(
        self,
        stream: str,
        *,
        instrument: str,
        interval: str,
        until_ms: int | None = None,
        spec_hash: str | None = None,
    ) -> FeatureTable | None:
        """Return the stored features of an instrument and interval, of one set of features.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
            until_ms: The last as-of time, inclusive; None for all.
            spec_hash: The set, of market features or of vectors; None for the market features of the
                newest row.

        Returns:
            The table, or None if nothing is stored.
        """
        key = (stream, instrument, interval, 2**62 if until_ms is None else until_ms)
        for kind in FEATURE_KINDS if spec_hash is not None else FEATURE_KINDS[:1]:
            found = self._feature_table(TABLES[kind].name, key, spec_hash)
            if found is not None:
                return found
        return None

    def _feature_table(
        self, table: str, key: tuple[str, str, str, int], spec_hash: str | None
    ) -> FeatureTable | None:
        where = "stream = %s AND instrument = %s AND interval = %s AND event_time_ms <= %s"
        chosen = "" if spec_hash is None else " AND feature_spec_hash = %s"
        # The newest row is taken first and its names afterwards: a join may read all rows before it takes the newest.
        spec = self._pool.row(
            "SELECT feature_spec_hash, names FROM feature_specs WHERE feature_spec_hash = "
            f"(SELECT feature_spec_hash FROM {table} WHERE {where}{chosen} ORDER BY event_time_ms DESC LIMIT 1)",
            key if spec_hash is None else (*key, spec_hash),
        )
        if spec is None:
            return None
        rows = self._pool.rows(
            f"SELECT event_time_ms, known_time_ms, close, is_warm, feature_values FROM {table} "
            f"WHERE {where} AND feature_spec_hash = %s AND cardinality(feature_values) = %s ORDER BY event_time_ms",
            (*key, spec[0], len(spec[1])),
        )
        as_of, known, close, is_warm, values = zip(*rows, strict=True)
        return FeatureTable(
            names=tuple(spec[1]),
            feature_spec_hash=spec[0],
            as_of_ms=np.array(as_of, dtype=np.int64),
            known_ms=np.array(known, dtype=np.int64),
            close=np.array(close, dtype=np.float64),
            is_warm=np.array(is_warm, dtype=np.bool_),
            values=np.array(values, dtype=np.float64).reshape(len(rows), len(spec[1])),
        )

    def feature_closes(self, stream: str, *, instrument: str, interval: str, until_ms: int) -> FeatureCloses:
        """Return the closes of the bars whose features are stored, of whichever set of features.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
            until_ms: The last as-of time, inclusive.

        Returns:
            The closes, oldest first; empty if nothing is stored.
        """
        rows = self._pool.rows(
            "SELECT DISTINCT ON (event_time_ms) event_time_ms, known_time_ms, close FROM features "
            "WHERE stream = %s AND instrument = %s AND interval = %s AND event_time_ms <= %s "
            "ORDER BY event_time_ms, feature_spec_hash",
            (stream, instrument, interval, until_ms),
        )
        return FeatureCloses(
            as_of_ms=np.array([row[0] for row in rows], dtype=np.int64),
            known_ms=np.array([row[1] for row in rows], dtype=np.int64),
            close=np.array([row[2] for row in rows], dtype=np.float64),
        )

    def newest_features(
        self, stream: str, *, instrument: str, interval: str
    ) -> events.FeaturesComputed | None:
        """Return the stored features of the newest bar, or None.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
        """
        rows = self._pool.dicts(
            "SELECT stream, instrument, interval, event_time_ms, known_time_ms, source, close, is_warm, "
            "feature_spec_hash, feature_values, names FROM (SELECT * FROM features "
            "WHERE stream = %s AND instrument = %s AND interval = %s ORDER BY event_time_ms DESC LIMIT 1) AS newest "
            "JOIN feature_specs USING (feature_spec_hash)",
            (stream, instrument, interval),
        )
        if not rows:
            return None
        row = rows[0]
        values = dict(zip(row.pop("names"), null_from_nan(row.pop("feature_values")), strict=True))
        return msgspec.convert(row | {"values": values}, events.FeaturesComputed)
