"""Sentiment: the scores of articles, the features of news, and whether the known time of an article is assumed.

Both tables have the natural keys of their events as primary keys. Training reads the scores of a run in the order in
which they were known.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE sentiments (
    stream text NOT NULL, article_id text NOT NULL, version integer NOT NULL, asset text NOT NULL,
    scorer text NOT NULL, scorer_hash text NOT NULL,
    negative float8, neutral float8, positive float8, score float8, refusal text, sketch text NOT NULL,
    is_known_time_assumed boolean NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, article_id, version, asset, scorer, scorer_hash)
);
CREATE INDEX sentiments_by_known_time ON sentiments (stream, known_time_ms);
CREATE TABLE news_features (
    stream text NOT NULL, asset text NOT NULL, event_time_ms bigint NOT NULL, feature_spec_hash text NOT NULL,
    n_articles bigint NOT NULL, feature_values float8[] NOT NULL,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, asset, event_time_ms, feature_spec_hash)
);
ALTER TABLE articles ADD COLUMN is_known_time_assumed boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    """Create the tables, and add the column."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute("ALTER TABLE articles DROP COLUMN is_known_time_assumed")
    op.execute("DROP TABLE news_features, sentiments")
