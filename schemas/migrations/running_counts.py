"""The SQL of the counts that triggers keep over predictions and outcomes, for the columns that name a target.

Stands apart from the migrations because two of them create the same functions: before and after the arm
became one of these columns. The text that it makes for given columns never changes.
"""

from collections.abc import Mapping

COUNTS = ("n_predictions", "n_hits", "n_misses", "n_ties", "n_voids", "n_pick_hits", "n_pick_misses")
#: Rows that a statement added count once, rows that it took away are subtracted.
CHANGED = {
    "insert": "SELECT 1 AS sign, added.* FROM added",
    "delete": "SELECT -1 AS sign, removed.* FROM removed",
    "update": "SELECT 1 AS sign, added.* FROM added UNION ALL SELECT -1 AS sign, removed.* FROM removed",
}
_REFERENCING = {
    "insert": "NEW TABLE AS added",
    "delete": "OLD TABLE AS removed",
    "update": "OLD TABLE AS removed NEW TABLE AS added",
}
#: By table, the column that says which as-of time a row is of.
TIMES = {"predictions": "event_time_ms", "outcomes": "features_as_of_ms"}
_COUNTED: dict[str, Mapping[str, str]] = {
    "predictions": {
        "n_predictions": "true",
        "n_pick_hits": "is_pick AND was_hit",
        "n_pick_misses": "is_pick AND NOT was_hit",
    },
    "outcomes": {
        "n_hits": "is_hit",
        "n_misses": "NOT is_hit",
        "n_ties": "outcome = 'tie'",
        "n_voids": "outcome = 'void'",
        "n_pick_hits": "was_pick AND is_hit",
        "n_pick_misses": "was_pick AND NOT is_hit",
    },
}


class RunningCounts:
    """The statements that create and fill the counts, and keep them.

    Args:
        columns: Those that name a target.
    """

    def __init__(self, *columns: str) -> None:
        self.columns = columns
        self.target = ", ".join(columns)

    def create(self) -> list[str]:
        """The functions and triggers; the tables are there."""
        counting = [self._counting(table, operation) for table in TIMES for operation in CHANGED]
        return [*counting, self._recounting()]

    @staticmethod
    def drop() -> list[str]:
        """Drop the functions and triggers."""
        dropped = [f"DROP TRIGGER recount_predictions ON {table}" for table in TIMES]
        for table in TIMES:
            dropped += [f"DROP FUNCTION count_{table}_{operation} CASCADE" for operation in CHANGED]
        return [*dropped, "DROP FUNCTION recount_predictions CASCADE"]

    def fill(self) -> str:
        """Return the statement that counts the rows that are stored already."""
        return f"""
    INSERT INTO prediction_records ({self.target}, {", ".join(COUNTS)})
    SELECT {self.target}, count(p.stream), count(*) FILTER (WHERE o.is_hit), count(*) FILTER (WHERE NOT o.is_hit),
        count(*) FILTER (WHERE o.outcome = 'tie'), count(*) FILTER (WHERE o.outcome = 'void'),
        count(*) FILTER (WHERE p.is_pick AND o.is_hit), count(*) FILTER (WHERE p.is_pick AND NOT o.is_hit)
    FROM (SELECT *, event_time_ms AS as_of_ms FROM predictions) p
    FULL JOIN (SELECT *, features_as_of_ms AS as_of_ms FROM outcomes) o USING ({self.target}, as_of_ms)
    GROUP BY {self.target};
    INSERT INTO unresolved_predictions ({self.target}, event_time_ms)
    SELECT {self.target}, p.as_of_ms
    FROM (SELECT {self.target}, event_time_ms AS as_of_ms FROM predictions) p
    LEFT JOIN (SELECT {self.target}, features_as_of_ms AS as_of_ms, true AS is_resolved FROM outcomes) o
        USING ({self.target}, as_of_ms)
    WHERE o.is_resolved IS NULL;
"""

    def _same(self, one: str, other: str) -> str:
        return " AND ".join(f"{one}.{column} = {other}.{column}" for column in self.columns)

    def _look_up(self, column: str, table: str, own_time: str) -> str:
        """What the row of another table with the key of a changed row says."""
        return f"""
    (SELECT {column} FROM {table} there WHERE {self._same("there", "changed")}
        AND there.{TIMES[table]} = changed.{own_time})
"""

    def _rows(self, table: str) -> str:
        """Selects changed rows, with what the other table says of them."""
        if table == "predictions":
            found = self._look_up("is_hit", "outcomes", TIMES[table])
            return f"SELECT changed.*, {found} AS was_hit FROM "
        found = self._look_up("is_pick", "predictions", TIMES[table])
        return f"SELECT changed.*, {found} AS was_pick FROM "

    def _waiting(self, table: str, operation: str) -> str:
        """Which predictions wait for an outcome, of the keys that a statement changed.

        What was only added needs less: a new outcome ends a wait, a new prediction begins one if it has no
        outcome.
        """
        time, changed = TIMES[table], f"({CHANGED[operation]}) changed"
        has_prediction = self._look_up("true", "predictions", time)
        has_outcome = self._look_up("true", "outcomes", time)
        end = f"""
    DELETE FROM unresolved_predictions held USING {changed}
    WHERE {self._same("held", "changed")} AND held.event_time_ms = changed.{time}"""
        begin = f"""
    INSERT INTO unresolved_predictions ({self.target}, event_time_ms)
    SELECT {self.target}, {time} FROM {changed} WHERE {has_outcome} IS NULL"""
        match table, operation:
            case "outcomes", "insert":
                return f"{end};"
            case "predictions", "insert":
                return f"{begin} ON CONFLICT DO NOTHING;"
            case _:
                return f"""
    {end} AND ({has_prediction} AND {has_outcome} IS NULL) IS NOT TRUE;
    {begin} AND {has_prediction} ON CONFLICT DO NOTHING;"""

    def _counting(self, table: str, operation: str) -> str:
        counts, changed = _COUNTED[table], f"({CHANGED[operation]}) changed"
        sums = ", ".join(f"coalesce(sum(sign) FILTER (WHERE {when}), 0)" for when in counts.values())
        added = ", ".join(f"{name} = held.{name} + excluded.{name}" for name in counts)
        name = f"count_{table}_{operation}"
        return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('driftline prediction records'));
    INSERT INTO prediction_records AS held ({self.target}, {", ".join(counts)})
    SELECT {self.target}, {sums} FROM ({self._rows(table)} {changed}) AS signed
    GROUP BY {self.target} ORDER BY {self.target}
    ON CONFLICT ({self.target}) DO UPDATE SET {added};
    {self._waiting(table, operation)}
    RETURN NULL;
END
$body$;
CREATE TRIGGER {name} AFTER {operation.upper()} ON {table}
REFERENCING {_REFERENCING[operation]} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""

    def _recounting(self) -> str:
        """A table that is emptied whole is rare: what is left is counted anew."""
        return f"""
CREATE FUNCTION recount_predictions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('driftline prediction records'));
    DELETE FROM prediction_records;
    DELETE FROM unresolved_predictions;
    {self.fill()}
    RETURN NULL;
END
$body$;
CREATE TRIGGER recount_predictions AFTER TRUNCATE ON predictions
FOR EACH STATEMENT EXECUTE FUNCTION recount_predictions();
CREATE TRIGGER recount_predictions AFTER TRUNCATE ON outcomes
FOR EACH STATEMENT EXECUTE FUNCTION recount_predictions();
"""
