"""MariaDB and MySQL, measured on MariaDB 10.11. From 11.2 on MariaDB copies without blocking."""

from config.schema.dialects.costs import ONLINE, Cost, Kind

COPY = "copies the table while writes wait"
REWRITE = "add a new column, fill it in batches while both are written, and swap them (SwapFields)"
IN_A_COPY = "executor='pt-osc' (MariaDB)"
IN_EITHER_WAY = f"{REWRITE}; or AlterFieldOnline with {IN_A_COPY}"
WINDOW = "blocking='because ...' in a window that is announced"
COSTS = {
    Kind.ADD_COLUMN: Cost(False, "is instant"),
    Kind.DROP_COLUMN: Cost(False, "is instant"),
    Kind.EXCHANGE: Cost(
        False,
        "compares the rows while others write, and once more, within the limit of the operation, while nobody can use "
        "the table, which is then done in a moment",
    ),
    Kind.INDEX: Cost(False, "builds the index while writes go on"),
    Kind.UNIQUE: Cost(False, "builds the unique index while writes go on"),
    Kind.ONLINE: ONLINE,
    Kind.CHECK_IN_WINDOW: Cost(True, COPY, f"give the operation {IN_A_COPY}, or {WINDOW}", True),
    Kind.CHECK: Cost(True, COPY, f"AddConstraintOnline with {IN_A_COPY}, or with {WINDOW}"),
    Kind.FOREIGN_KEY: Cost(
        True,
        COPY,
        "AddFieldOnline or AlterFieldOnline in a migration with atomic = False: the column first, then its index, then "
        "the foreign key, with a look for orphans before and after",
    ),
    Kind.NOT_NULL: Cost(False, "rebuilds the table while writes go on"),
    Kind.LONGER_ACROSS_64: Cost(True, COPY, f"start texts at 64 characters or more; now {IN_EITHER_WAY}", True),
    Kind.SHORTER: Cost(True, COPY, REWRITE),
    Kind.TO_TEXT: Cost(True, COPY, IN_EITHER_WAY, True),
    Kind.WIDER: Cost(True, COPY, IN_EITHER_WAY, True),
    Kind.TYPE: Cost(True, COPY, IN_EITHER_WAY, True),
    Kind.STORED: Cost(True, COPY, "make the generated column with its table, or with db_persist=False"),
}
