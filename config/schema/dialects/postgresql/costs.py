"""PostgreSQL 14 and newer, measured on 15."""

from config.schema.dialects.costs import Cost, Kind

REWRITE = "add a new column, fill it in batches while both are written, and swap them"
COSTS = {
    Kind.ADD_COLUMN: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.DROP_COLUMN: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.RENAME: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.INDEX: Cost(
        True, "writes wait while the index is built", "AddIndexConcurrently in a migration with atomic = False"
    ),
    Kind.UNIQUE: Cost(
        True,
        "writes wait while the unique index is built",
        "build the unique index CONCURRENTLY in a migration with atomic = False, then ADD CONSTRAINT USING INDEX",
    ),
    Kind.CHECK: Cost(
        True,
        "reads and writes wait while every row is checked",
        "AddConstraintNotValid, then ValidateConstraint in the next migration",
    ),
    Kind.FOREIGN_KEY: Cost(False, "takes milliseconds, with a lock on the other table too"),
    Kind.NOT_NULL: Cost(
        True,
        "reads and writes wait while rows are updated and scanned",
        "backfill in batches; a NOT NULL check as NOT VALID, then validated; then SET NOT NULL, which believes it",
    ),
    Kind.SHORTER: Cost(True, "rewrites the table while reads and writes wait", REWRITE),
    Kind.TYPE: Cost(True, "rewrites the table while reads and writes wait", REWRITE),
    Kind.STORED: Cost(
        True,
        "rewrites the table while reads and writes wait",
        "make a generated column with its table, or an ordinary column that the application fills",
    ),
}
