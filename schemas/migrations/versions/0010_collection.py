"""Collection: articles and their copies, quotes, prices, the health of sources, the ledger of gaps, taker volume.

A table of events has the natural key of its event as its primary key, except for two. An article is one row
for each version, although the log has one record for each asset that it mentions. Of the health of a source only the
newest state is kept. The gaps are no events: the collector writes them itself.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE articles (
    stream text NOT NULL, article_id text NOT NULL, version integer NOT NULL,
    url text NOT NULL, title text NOT NULL, content_hash text NOT NULL,
    text text, summary text, author text, categories text[] NOT NULL, assets text[] NOT NULL,
    language text, published_zone text, modified_ms bigint,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, article_id, version)
);
CREATE INDEX articles_by_time ON articles (stream, event_time_ms, article_id);
CREATE INDEX articles_by_known_time ON articles (stream, known_time_ms);
CREATE INDEX articles_by_asset ON articles USING gin (assets);
CREATE TABLE article_links (
    stream text NOT NULL, article_id text NOT NULL, version integer NOT NULL,
    first_article_id text NOT NULL, similarity float8 NOT NULL, is_exact boolean NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, article_id, version)
);
CREATE INDEX article_links_by_first ON article_links (stream, first_article_id);
CREATE TABLE quotes (
    stream text NOT NULL, instrument text NOT NULL, event_time_ms bigint NOT NULL,
    bid float8 NOT NULL, bid_size float8 NOT NULL, ask float8 NOT NULL, ask_size float8 NOT NULL,
    update_id bigint,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, event_time_ms)
);
CREATE TABLE prices (
    stream text NOT NULL, instrument text NOT NULL, event_time_ms bigint NOT NULL,
    price float8 NOT NULL, volume_24h float8, is_quarantined boolean NOT NULL, reason text,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, event_time_ms)
);
CREATE TABLE source_health (
    stream text NOT NULL, source text NOT NULL,
    state text NOT NULL, reason text NOT NULL, last_item_ms bigint, last_answer_ms bigint,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL,
    PRIMARY KEY (stream, source)
);
CREATE TABLE gaps (
    stream text NOT NULL, source text NOT NULL, instrument text NOT NULL, kind text NOT NULL,
    start_ms bigint NOT NULL, end_ms bigint NOT NULL,
    reason text NOT NULL, n_missing bigint, opened_ms bigint NOT NULL, closed_ms bigint, closed_by text,
    PRIMARY KEY (stream, source, instrument, kind, start_ms, end_ms),
    CHECK (start_ms < end_ms)
);
CREATE INDEX open_gaps ON gaps (stream, instrument, start_ms) WHERE closed_ms IS NULL;
ALTER TABLE candles ADD COLUMN taker_buy_volume float8;
"""


def upgrade() -> None:
    """Create the tables, and add the column."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute("ALTER TABLE candles DROP COLUMN taker_buy_volume")
    op.execute("DROP TABLE gaps, source_health, prices, quotes, article_links, articles")
