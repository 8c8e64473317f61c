"""SQLite 3.31 and newer."""

from config.schema.dialects import Dialect
from config.schema.dialects.sqlite.backup import SQLiteBackups
from config.schema.dialects.sqlite.catalogue import SQLiteCatalogue
from config.schema.dialects.sqlite.definitions import definitions
from config.schema.dialects.sqlite.diagnosis import SQLiteDiagnosis
from config.schema.dialects.sqlite.emptying import drop_tables
from config.schema.dialects.sqlite.lock import FileLock, is_pooled
from config.schema.dialects.sqlite.preflight import absent, obstacles
from config.schema.dialects.sqlite.references import SQLiteReferences
from config.schema.dialects.sqlite.statements import SQLiteStatements
from config.schema.dialects.sqlite.waits import SQLiteWaits

SQLITE = Dialect(
    name="sqlite",
    identifier_collation=None,
    search_collation=None,
    lock=FileLock(),
    statements=SQLiteStatements(),
    catalogue=SQLiteCatalogue(),
    waits=SQLiteWaits(),
    backups=SQLiteBackups(),
    is_pooled=is_pooled,
    obstacles=obstacles,
    observed_lock=lambda connection, sql, rows: "the one writer; readers go on",
    absent=absent,
    definitions=definitions,
    diagnosis=SQLiteDiagnosis(),
    drop_tables=drop_tables,
    references=SQLiteReferences(),
    utc_now="STRFTIME('%Y-%m-%d %H:%M:%f000', 'NOW')",
    # Its clock knows milliseconds, and a day as a number not quite: a lease of 61 s was once one of 60.99996.
    seconds_since="ROUND((JULIANDAY('now') - JULIANDAY({})) * 86400.0, 3)",
)
