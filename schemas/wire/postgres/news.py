"""The stored scores of articles, and the stored features of news, as they were published."""

from collections.abc import Iterator

import msgspec
import numpy as np

from schemas.codec import null_from_nan
from schemas.events import NewsFeaturesComputed, SentimentScored
from schemas.features import NewsFeatureTable
from schemas.scorers import SourceScores
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import TABLES


class StoredNews:
    """Reads the scores and the news features of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def scores(
        self, stream: str, *, from_known_ms: int, until_known_ms: int = 2**53, asset: str | None = None
    ) -> Iterator[SentimentScored]:
        """Yield the stored scores in the order in which their articles were first seen, refusals included.

        Args:
            stream: The run.
            from_known_ms: The earliest known time.
            until_known_ms: The known time before which all lie.
            asset: Only scores about this asset; None for all.
        """
        columns = TABLES[SentimentScored].columns
        query = (
            f"SELECT {', '.join(columns)} FROM sentiments WHERE stream = %s AND known_time_ms >= %s "
            "AND known_time_ms < %s AND (%s::text IS NULL OR asset = %s) "
            "ORDER BY known_time_ms, article_id, version, asset, scorer, scorer_hash"
        )
        with self._pool.connection() as connection, connection.cursor("scores") as cursor:
            cursor.itersize = 5_000
            cursor.execute(query, (stream, from_known_ms, until_known_ms, asset, asset))
            for row in cursor:
                yield msgspec.convert(dict(zip(columns, row, strict=True)), SentimentScored)

    def features(
        self, stream: str, *, asset: str, spec_hash: str | None = None, until_ms: int = 2**53
    ) -> NewsFeatureTable | None:
        """Return the stored news features of an asset, of one set of features.

        Args:
            stream: The run.
            asset: The asset.
            spec_hash: The set of features; None for that of the newest row.
            until_ms: The last as-of time, inclusive.

        Returns:
            The table, or None if nothing is stored.
        """
        where = "stream = %s AND asset = %s AND event_time_ms <= %s"
        key = (stream, asset, until_ms)
        chosen = "" if spec_hash is None else " AND feature_spec_hash = %s"
        spec = self._pool.row(
            "SELECT feature_spec_hash, names FROM feature_specs WHERE feature_spec_hash = "
            f"(SELECT feature_spec_hash FROM news_features WHERE {where}{chosen} ORDER BY event_time_ms DESC LIMIT 1)",
            key if spec_hash is None else (*key, spec_hash),
        )
        if spec is None:
            return None
        rows = self._pool.rows(
            "SELECT event_time_ms, n_articles, feature_values FROM news_features "
            f"WHERE {where} AND feature_spec_hash = %s AND cardinality(feature_values) = %s ORDER BY event_time_ms",
            (*key, spec[0], len(spec[1])),
        )
        if not rows:
            return None
        as_of, n_articles, values = zip(*rows, strict=True)
        return NewsFeatureTable(
            names=tuple(spec[1]),
            feature_spec_hash=spec[0],
            as_of_ms=np.array(as_of, dtype=np.int64),
            n_articles=np.array(n_articles, dtype=np.int64),
            values=np.array(values, dtype=np.float64).reshape(len(rows), len(spec[1])),
        )

    def newest_features(self, stream: str, *, asset: str) -> NewsFeaturesComputed | None:
        """Return the stored news features of the newest minute of an asset, or None.

        Args:
            stream: The run.
            asset: The asset.
        """
        rows = self._pool.dicts(
            "SELECT stream, asset, event_time_ms, known_time_ms, source, feature_spec_hash, n_articles, feature_values, "
            "names FROM (SELECT * FROM news_features WHERE stream = %s AND asset = %s "
            "ORDER BY event_time_ms DESC LIMIT 1) AS newest JOIN feature_specs USING (feature_spec_hash)",
            (stream, asset),
        )
        if not rows:
            return None
        values = dict(zip(rows[0].pop("names"), null_from_nan(rows[0].pop("feature_values")), strict=True))
        return msgspec.convert(rows[0] | {"values": values}, NewsFeaturesComputed)

    def by_source(self, stream: str, *, within_ms: int, negative_until: float) -> list[SourceScores]:
        """Return what each scorer said of the articles of each source lately.

        Args:
            stream: The run.
            within_ms: So long before the newest known time of a score.
            negative_until: A score of at most this is negative.
        """
        rows = self._pool.dicts(
            "SELECT source, scorer, scorer_hash, count(score) AS n_scored, count(refusal) AS n_refused, "
            "avg(score) AS mean_score, "
            "count(*) FILTER (WHERE score <= %s)::float8 / nullif(count(score), 0) AS share_negative, "
            "max(known_time_ms) AS newest_known_ms FROM sentiments "
            "WHERE stream = %s AND known_time_ms > "
            "(SELECT max(known_time_ms) FROM sentiments WHERE stream = %s) - %s "
            "GROUP BY source, scorer, scorer_hash ORDER BY source, scorer, scorer_hash",
            (negative_until, stream, stream, within_ms),
        )
        return msgspec.convert(rows, list[SourceScores])
