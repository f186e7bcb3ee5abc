"""The migration that tells sources apart: what a run had stored before belongs to the one source that it had."""

from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest

from schemas.wire.settings import Endpoints

MIGRATION = import_module("schemas.migrations.versions.0008_progress_by_source")
BEFORE = """
CREATE SCHEMA before_sources;
SET LOCAL search_path TO before_sources;
CREATE TABLE streams (stream text PRIMARY KEY, kind text, description jsonb, created_ms bigint);
CREATE TABLE stream_progress (
    stream text NOT NULL, topic text NOT NULL, partition integer NOT NULL, watermark_ms bigint NOT NULL,
    PRIMARY KEY (stream, topic, partition)
);
INSERT INTO streams VALUES ('known', 'replay', '{"source": "binance"}', 0);
INSERT INTO stream_progress VALUES ('known', 't', 1, 50), ('unknown', 't', 1, 60);
"""


@pytest.fixture
def connection(endpoints: Endpoints) -> Iterator[psycopg.Connection]:
    """A connection whose tables are those of before, and nobody else's; nothing of it stays."""
    with psycopg.connect(endpoints.database_url) as opened:
        opened.execute(BEFORE)
        yield opened
        opened.rollback()


def test_progress_of_before_is_of_the_source_that_the_run_had(connection: psycopg.Connection) -> None:
    connection.execute(MIGRATION.BY_SOURCE)
    rows = connection.execute(
        "SELECT stream, source, watermark_ms FROM stream_progress ORDER BY 1"
    ).fetchall()
    assert rows == [("known", "binance", 50), ("unknown", "", 60)]


def test_taking_it_back_keeps_the_slowest_source_of_each_partition(connection: psycopg.Connection) -> None:
    connection.execute(MIGRATION.BY_SOURCE)
    connection.execute(
        "INSERT INTO stream_progress (stream, topic, partition, source, watermark_ms) "
        "VALUES ('known', 't', 1, 'kraken', 40)"
    )
    connection.execute(MIGRATION.AS_BEFORE)
    rows = connection.execute("SELECT * FROM stream_progress ORDER BY 1").fetchall()
    assert rows == [("known", "t", 1, 40), ("unknown", "t", 1, 60)]
