"""PostgreSQL 14 and newer."""

from config.schema.dialects import Dialect
from config.schema.dialects.postgresql.backup import PostgreSQLBackups
from config.schema.dialects.postgresql.catalogue import PostgreSQLCatalogue
from config.schema.dialects.postgresql.definitions import definitions
from config.schema.dialects.postgresql.diagnosis import PostgreSQLDiagnosis
from config.schema.dialects.postgresql.emptying import drop_tables
from config.schema.dialects.postgresql.grants import PostgreSQLRights
from config.schema.dialects.postgresql.lock import AdvisoryLock, is_pooled, strongest_lock
from config.schema.dialects.postgresql.online import PostgreSQLOnline
from config.schema.dialects.postgresql.partitions import PostgreSQLPartitions
from config.schema.dialects.postgresql.preflight import obstacles
from config.schema.dialects.postgresql.statements import PostgreSQLStatements
from config.schema.dialects.postgresql.waits import PostgreSQLWaits
from config.schema.dialects.references import ServerReferences

ONLINE = PostgreSQLOnline()
POSTGRESQL = Dialect(
    name="postgresql",
    identifier_collation=None,
    search_collation=None,
    lock=AdvisoryLock(),
    statements=PostgreSQLStatements(),
    catalogue=PostgreSQLCatalogue(),
    waits=PostgreSQLWaits(),
    backups=PostgreSQLBackups(),
    is_pooled=is_pooled,
    obstacles=obstacles,
    rights=PostgreSQLRights(),
    observed_lock=strongest_lock,
    definitions=definitions,
    diagnosis=PostgreSQLDiagnosis(),
    drop_tables=drop_tables,
    references=ServerReferences(ONLINE),
    utc_now="STATEMENT_TIMESTAMP()",
    seconds_since="EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP() - {})",
    online=ONLINE,
    partitions=PostgreSQLPartitions(),
)
