"""MariaDB 10.5 and newer, MySQL 8.0.13 and newer (MySQL is unproved: its server is not in Debian)."""

from config.schema.dialects import Dialect
from config.schema.dialects.mysql.backup import MySQLBackups
from config.schema.dialects.mysql.catalogue import MySQLCatalogue
from config.schema.dialects.mysql.cluster import Galera
from config.schema.dialects.mysql.definitions import definitions
from config.schema.dialects.mysql.diagnosis import MySQLDiagnosis
from config.schema.dialects.mysql.emptying import drop_tables
from config.schema.dialects.mysql.grants import MySQLRights
from config.schema.dialects.mysql.lock import NamedLock, copied, is_pooled
from config.schema.dialects.mysql.online import MySQLOnline
from config.schema.dialects.mysql.order import in_order
from config.schema.dialects.mysql.partitions import MySQLPartitions
from config.schema.dialects.mysql.preflight import obstacles
from config.schema.dialects.mysql.statements import MySQLStatements
from config.schema.dialects.mysql.waits import MySQLWaits
from config.schema.dialects.references import ServerReferences

MARIADB_ONLINE = MySQLOnline(column="ALGORITHM=INSTANT, LOCK=NONE", index="ALGORITHM=NOCOPY, LOCK=NONE")
MYSQL_ONLINE = MySQLOnline(column="ALGORITHM=INSTANT", index="ALGORITHM=INPLACE, LOCK=NONE")
MARIADB = Dialect(
    name="mariadb",
    identifier_collation="utf8mb4_nopad_bin",
    search_collation="utf8mb4_unicode_ci",
    lock=NamedLock(),
    statements=MySQLStatements(),
    catalogue=MySQLCatalogue(mariadb=True),
    waits=MySQLWaits(shortest=0, in_statement=True),
    backups=MySQLBackups(mariadb=True),
    is_pooled=is_pooled,
    obstacles=lambda connection: obstacles(connection, ("utf8mb4_nopad_bin", "utf8mb4_unicode_ci")),
    observed_lock=copied,
    definitions=definitions,
    diagnosis=MySQLDiagnosis(mariadb=True),
    drop_tables=drop_tables,
    references=ServerReferences(MARIADB_ONLINE),
    utc_now="UTC_TIMESTAMP(6)",
    seconds_since="(TIMESTAMPDIFF(MICROSECOND, {}, UTC_TIMESTAMP(6)) / 1000000)",
    in_order=in_order,
    online=MARIADB_ONLINE,
    rights=MySQLRights(),
    partitions=MySQLPartitions(),
    cluster=Galera(),
)
MYSQL = Dialect(
    name="mysql",
    identifier_collation="utf8mb4_0900_bin",
    search_collation="utf8mb4_unicode_ci",
    lock=NamedLock(),
    statements=MySQLStatements(),
    catalogue=MySQLCatalogue(mariadb=False),
    waits=MySQLWaits(shortest=1, in_statement=False),
    backups=MySQLBackups(mariadb=False),
    is_pooled=is_pooled,
    obstacles=lambda connection: obstacles(connection, ("utf8mb4_0900_bin", "utf8mb4_unicode_ci")),
    observed_lock=copied,
    definitions=definitions,
    diagnosis=MySQLDiagnosis(mariadb=False),
    drop_tables=drop_tables,
    references=ServerReferences(MYSQL_ONLINE),
    utc_now="UTC_TIMESTAMP(6)",
    seconds_since="(TIMESTAMPDIFF(MICROSECOND, {}, UTC_TIMESTAMP(6)) / 1000000)",
    online=MYSQL_ONLINE,
    rights=MySQLRights(),
    partitions=MySQLPartitions(),
    cluster=Galera(),
)
