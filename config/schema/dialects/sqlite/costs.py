"""SQLite has one writer, which everybody waits for; no form of a statement changes that."""

from config.schema.dialects.costs import Cost, Kind

REBUILD = Cost(True, "rebuilds the table, and other writers wait until the migration is done")
SHORT = Cost(False, "changes the catalogue only; other writers wait until the migration is done")
QUICK = {Kind.NEW_TABLE, Kind.DROP_TABLE, Kind.RENAME, Kind.ADD_COLUMN, Kind.DROP_COLUMN, Kind.EXCHANGE}
COSTS: dict[Kind, Cost] = {
    **{kind: SHORT if kind in QUICK else REBUILD for kind in Kind},
    Kind.UNKNOWN: Cost(False, "other writers wait until the migration is done"),
    Kind.INDEX: Cost(True, "builds the index, and other writers wait until the migration is done"),
}
