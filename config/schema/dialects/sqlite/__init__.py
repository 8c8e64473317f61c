"""SQLite 3.31 and newer."""

from config.schema.dialects import Dialect

SQLITE = Dialect(
    name="sqlite", identifier_collation=None, search_collation=None, utc_now="STRFTIME('%Y-%m-%d %H:%M:%f000', 'NOW')"
)
