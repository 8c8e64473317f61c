"""PostgreSQL 14 and newer."""

from config.schema.dialects import Dialect

POSTGRESQL = Dialect(
    name="postgresql", identifier_collation=None, search_collation=None, utc_now="STATEMENT_TIMESTAMP()"
)
