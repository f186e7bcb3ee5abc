"""Writes rows into tables: a batch is staged by COPY, and merged by the key of its table."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from schemas.wire.postgres.packing import END, HEAD
from schemas.wire.postgres.tables import EventTable, PackedArray, PackedArrayDumper


def merge(cursor: psycopg.Cursor[Any], table: EventTable, rows: Sequence[Any]) -> None:
    """Stage rows and merge them by the key of the table. Stored rows stay, or are replaced by newer ones.

    Args:
        cursor: A cursor within a transaction.
        table: The table.
        rows: The events.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    form = sql.SQL("" if table.types is None else " (FORMAT BINARY)")
    staged = staging(cursor, table)
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN{}").format(staged, columns, form)) as copy:
        if table.types is not None:
            cursor.adapters.register_dumper(PackedArray, PackedArrayDumper)
            copy.set_types(table.types)
        for row in rows:
            copy.write_row(table.values(row))
    _merge_staged(cursor, table, staged)


def staging(cursor: psycopg.Cursor[Any], table: EventTable) -> sql.Identifier:
    """Return the empty table of this connection in which rows of a table are staged.

    Behind a pooler a connection of the server outlives its clients, and so does the table of an earlier release,
    which has fewer columns: the name tells them apart.
    """
    staged = sql.Identifier(f"staged_{table.name}_{len(table.columns)}")
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS").format(
            staged, sql.Identifier(table.name)
        )
    )
    return staged


def _merge_staged(cursor: psycopg.Cursor[Any], table: EventTable, staged: sql.Identifier) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    target = sql.Identifier(table.name)
    action: sql.Composable = sql.SQL("DO NOTHING")
    distinct: sql.Composable = sql.SQL("")
    order: sql.Composable = sql.SQL("")
    if table.newest_by is not None:
        newest = sql.Identifier(table.newest_by)
        action = replacing(table)
        distinct = sql.SQL("DISTINCT ON ({})").format(key)
        order = sql.SQL("ORDER BY {}, {} DESC").format(key, newest)
    cursor.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} {} FROM {} {} ON CONFLICT ({}) {}").format(
            target, columns, distinct, columns, staged, order, key, action
        )
    )


def replacing(table: EventTable) -> sql.Composable:
    """Return what is done with a stored row of the same key: it is replaced by a newer one."""
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
        for column in table.columns
        if column not in table.key
    )
    return sql.SQL("DO UPDATE SET {0} WHERE excluded.{1} > {2}.{1}").format(
        changes, sql.Identifier(table.newest_by or ""), sql.Identifier(table.name)
    )


def copy_packed(
    cursor: psycopg.Cursor[Any], into: sql.Identifier, columns: Sequence[str], rows: bytes
) -> None:
    """Copy packed rows into a table.

    Args:
        cursor: A cursor within a transaction.
        into: The table.
        columns: The columns of the rows.
        rows: What :func:`schemas.wire.postgres.packing.packed_rows` returned for these columns.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(into, names)) as copy:
        copy.write(HEAD)
        copy.write(rows)
        copy.write(END)
