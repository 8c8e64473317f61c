"""What HALVED says: first some SQL, then code that fails where FAILS says so, then the rest of the SQL."""

from django.conf import settings
from django.db import connection, migrations

ROW = "INSERT INTO halved_row (n) VALUES ({})"
TEMPORARY = "CREATE TEMPORARY TABLE halved_kept (n integer)"
KEEP, TAKE = "INSERT INTO halved_kept (n) VALUES (5)", "INSERT INTO halved_row (n) SELECT n FROM halved_kept"
PARTS = "PARTITION BY RANGE (n) (PARTITION few VALUES LESS THAN (10), PARTITION many VALUES LESS THAN (20))"
SQL = {
    "exchange": (
        [
            f"CREATE TABLE halved_parts (n integer PRIMARY KEY) {PARTS}",
            "CREATE TABLE halved_whole (n integer PRIMARY KEY)",
            "INSERT INTO halved_parts VALUES (1)",
            "INSERT INTO halved_whole VALUES (2)",
            "ALTER TABLE halved_parts EXCHANGE PARTITION few WITH TABLE halved_whole",
        ],
        "INSERT INTO halved_row (n) SELECT n FROM halved_parts",
    ),
    "variable": ([ROW.format(7), "SELECT MAX(n) INTO @most FROM halved_row"], ROW.format("@most + 1")),
    "variable_of_what_was": (
        [ROW.format(7), "SELECT MAX(n) INTO @most FROM halved_row", ROW.format("@most + 1")],
        ROW.format("@most + 2"),
    ),
    "last_id": (
        [
            "CREATE TABLE halved_other (id integer PRIMARY KEY AUTO_INCREMENT)",
            "INSERT INTO halved_other (id) VALUES (NULL)",
        ],
        ROW.format("LAST_INSERT_ID()"),
    ),
    "last_id_at_once": (
        [
            "CREATE TABLE halved_other (id integer PRIMARY KEY AUTO_INCREMENT)",
            "INSERT INTO halved_other (id) VALUES (NULL)",
            ROW.format("LAST_INSERT_ID()"),
            "SET @last = LAST_INSERT_ID()",
        ],
        ROW.format(2),
    ),
    "last_value": ([ROW.format(1)], ROW.format("lastval()")),
    "last_row": ([ROW.format(1)], ROW.format("last_insert_rowid()")),
    "setting": (
        ["SELECT set_config('my.n', '5', false)"],
        ROW.format("current_setting('my.n', true)::integer"),
    ),
    "temporary": ([TEMPORARY, KEEP, ROW.format(1)], TAKE),
    "temporary_of_what_was": (
        [TEMPORARY, ROW.format(7), "INSERT INTO halved_kept (n) SELECT n + 1 FROM halved_row", ROW.format(8)],
        TAKE,
    ),
    "transaction": (["BEGIN", ROW.format(1), ROW.format(2), "COMMIT"], ROW.format(3)),
    "transaction_taken_back": (["BEGIN", ROW.format(1), "ROLLBACK"], ROW.format(3)),
    "script": (["BEGIN; INSERT INTO halved_row (n) VALUES (1); COMMIT;"], ROW.format(3)),
    "locked": (["LOCK TABLES halved_row WRITE", ROW.format(1), ROW.format(2), "UNLOCK TABLES"], ROW.format(3)),
    "reindex": (
        [
            "CREATE TABLE halved_parts (n integer) PARTITION BY RANGE (n)",
            "CREATE TABLE halved_few PARTITION OF halved_parts FOR VALUES FROM (0) TO (9)",
            "CREATE INDEX halved_by_n ON halved_parts (n)",
            "REINDEX TABLE halved_parts",
        ],
        ROW.format(3),
    ),
}


def half(apps, schema_editor):
    if settings.FAILS:
        raise ValueError("halfway")


CODE = migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop, atomic=True)
"""It may have changed what the variable was read from, as far as anybody knows."""


class Migration(migrations.Migration):
    atomic = connection.vendor == "mysql"
    operations = [
        migrations.RunSQL("CREATE TABLE halved_row (n integer)", "DROP TABLE halved_row"),
        migrations.RunSQL(SQL[settings.HALVED][0], migrations.RunSQL.noop),
        *([] if settings.HALVED == "variable" else [CODE]),
        migrations.RunPython(half, migrations.RunPython.noop, atomic=True),
        migrations.RunSQL(SQL[settings.HALVED][1], migrations.RunSQL.noop),
    ]
