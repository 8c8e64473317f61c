"""PostgreSQL 14 and newer, measured on 15."""

from config.schema.dialects.costs import ONLINE, Cost, Kind

REWRITE = "add a new column, fill it in batches while both are written, and swap them (SwapFields)"
COSTS = {
    Kind.ADD_COLUMN: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.DROP_COLUMN: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.RENAME: Cost(False, "changes the catalogue only, once no other session uses the table"),
    Kind.EXCHANGE: Cost(
        False,
        "compares the rows while others write, and once more, within the limit of the operation, while nobody can use "
        "the table, which is then done in a moment",
    ),
    Kind.ONLINE: ONLINE,
    Kind.CHECK_IN_WINDOW: ONLINE,
    Kind.INDEX: Cost(
        True,
        "writes wait while the index is built",
        "AddIndexOnline (of a field: AddFieldOnline or AlterFieldOnline) in a migration with atomic = False",
    ),
    Kind.UNIQUE: Cost(
        True,
        "writes wait while the unique index is built",
        "AddConstraintOnline (of a field: AddFieldOnline or AlterFieldOnline) in a migration with atomic = False",
    ),
    Kind.CHECK: Cost(
        True,
        "reads and writes wait while every row is checked",
        "AddConstraintOnline (of a field: AddFieldOnline) in a migration with atomic = False",
    ),
    Kind.FOREIGN_KEY: Cost(False, "takes milliseconds, with a lock on the other table too"),
    Kind.NOT_NULL: Cost(
        True,
        "reads and writes wait while rows are updated and scanned",
        "fill the column in batches, then AlterFieldOnline in a migration with atomic = False",
    ),
    Kind.SHORTER: Cost(True, "rewrites the table while reads and writes wait", REWRITE),
    Kind.TYPE: Cost(True, "rewrites the table while reads and writes wait", REWRITE),
    Kind.STORED: Cost(
        True,
        "rewrites the table while reads and writes wait",
        "make a generated column with its table, or an ordinary column that the application fills",
    ),
}
