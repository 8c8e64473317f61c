"""PostgreSQL 14 and newer."""

from config.schema.dialects import Dialect
from config.schema.dialects.postgresql.catalogue import PostgreSQLCatalogue
from config.schema.dialects.postgresql.lock import AdvisoryLock, is_pooled
from config.schema.dialects.postgresql.online import PostgreSQLOnline
from config.schema.dialects.postgresql.preflight import obstacles
from config.schema.dialects.postgresql.statements import PostgreSQLStatements
from config.schema.dialects.postgresql.waits import PostgreSQLWaits

POSTGRESQL = Dialect(
    name="postgresql",
    identifier_collation=None,
    search_collation=None,
    lock=AdvisoryLock(),
    statements=PostgreSQLStatements(),
    catalogue=PostgreSQLCatalogue(),
    waits=PostgreSQLWaits(),
    is_pooled=is_pooled,
    obstacles=obstacles,
    utc_now="STATEMENT_TIMESTAMP()",
    online=PostgreSQLOnline(),
)
