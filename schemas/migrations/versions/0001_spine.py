"""The spine: streams, candles, ticks, bars, features, predictions, outcomes, promotions.

Every primary key is the event's natural key, so that writing an event twice changes nothing.
Times are int64 UTC milliseconds, as everywhere.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE streams (
    stream text PRIMARY KEY,
    kind text NOT NULL,
    description jsonb NOT NULL,
    created_ms bigint NOT NULL
);
CREATE TABLE stream_progress (
    stream text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    watermark_ms bigint NOT NULL,
    PRIMARY KEY (stream, topic, partition)
);
CREATE TABLE candles (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, start_ms bigint NOT NULL,
    revision integer NOT NULL,
    open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL,
    volume float8 NOT NULL, n_trades bigint,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, start_ms)
);
CREATE TABLE ticks (
    stream text NOT NULL, instrument text NOT NULL, trade_id bigint NOT NULL,
    price float8 NOT NULL, size float8 NOT NULL, is_buyer_maker boolean NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, trade_id)
);
CREATE TABLE bars (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, start_ms bigint NOT NULL,
    open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL,
    volume float8 NOT NULL, buy_volume float8, n_trades bigint, n_late bigint NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, start_ms)
);
CREATE TABLE feature_specs (
    feature_spec_hash text PRIMARY KEY,
    names text[] NOT NULL
);
CREATE TABLE features (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, event_time_ms bigint NOT NULL,
    feature_spec_hash text NOT NULL,
    close float8 NOT NULL, is_warm boolean NOT NULL, feature_values float8[] NOT NULL,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, event_time_ms, feature_spec_hash)
);
CREATE TABLE predictions (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    event_time_ms bigint NOT NULL,
    probability_up float8 NOT NULL, direction text NOT NULL, reference_price float8 NOT NULL,
    model_version text NOT NULL, model_hash text NOT NULL, feature_spec_hash text NOT NULL,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, horizon, event_time_ms)
);
CREATE TABLE outcomes (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    features_as_of_ms bigint NOT NULL,
    probability_up float8 NOT NULL, direction text NOT NULL, reference_price float8 NOT NULL,
    final_price float8, outcome text NOT NULL, is_hit boolean,
    model_version text NOT NULL, model_hash text NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, horizon, features_as_of_ms)
);
CREATE TABLE promotions (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    alias text NOT NULL, effective_from_ms bigint NOT NULL, model_version text NOT NULL,
    model_hash text NOT NULL, feature_spec_hash text NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, horizon, alias, effective_from_ms, model_version)
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute(
        "DROP TABLE promotions, outcomes, predictions, features, feature_specs, bars, ticks, candles, "
        "stream_progress, streams"
    )
