"""All migrations, forwards and backwards on each engine, by manage.py, with rows in the tables they touch."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.config.schema.catalogue import Catalogue, read_catalogue
from tests.config.schema.manage import manage
from tests.config.schema.rows import FIRST_ID, Ref, references, valid_row
from tests.engines import connect, present

pytestmark = pytest.mark.every_engine
TIMES = (
    "1999-12-31 23:59:59.999999",
    "2026-10-31 23:59:59.999999",
    "2026-11-01 00:00:00",
    "2026-12-31 23:59:59.999999",
    "2027-12-31 23:59:59.999999",
    "2028-01-01 00:00:00",
    "2099-06-15 12:00:00.000001",
)
"""The edges of the months that have a part of their own, and times outside all of them."""
PARTITIONED = ("host_metrics", "vm_metrics", "job_events")


class Client:
    """A raw client of one database; a value stands for %s."""

    def __init__(self, engine: str, connection: Any) -> None:
        self.engine = engine
        self.connection = connection
        self.inserted: set[str] = set()
        if engine == "postgresql":
            self("SET TIME ZONE 'UTC'")

    def __call__(self, statement: str, *values: Any) -> list[Any]:
        cursor = self.connection.cursor()
        cursor.execute(statement.replace("%s", "?") if self.engine == "sqlite" else statement, values)
        return list(cursor.fetchall()) if cursor.description else []

    def insert(self, table: str, number: int = 1, /, **changes: Any) -> None:
        row = valid_row(table, number, **changes)
        self(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())

    def insert_with_all_it_refers_to(self, table: str, /, **changes: Any) -> None:
        for ref in references(table, 1, changes):
            if ref.table not in self.inserted:
                self.insert_with_all_it_refers_to(ref.table)
        self.insert(table, **changes)
        self.inserted.add(table)

    def rows(self, table: str, columns: str = "*") -> list[Any]:
        return self(f"SELECT {columns} FROM {table} ORDER BY 1")

    def catalogue(self) -> Catalogue:
        return read_catalogue(self.engine, self.connection)


@contextlib.contextmanager
def client_of(engine: str, url: str) -> Iterator[Client]:
    with contextlib.closing(connect(url)) as connection:
        yield Client(engine, connection)


def test_partitions_and_the_job_column_come_and_go_without_losing_a_row(
    engine: str, migrated: Callable[[str], str]
) -> None:
    url = migrated(engine)
    with client_of(engine, url) as client:
        for table in PARTITIONED:
            for number, at in enumerate(TIMES):
                client.insert(table, number, at=at)
        client.insert_with_all_it_refers_to("vm_disks", job_id=Ref("replication_jobs"))
        before = {table: client.rows(table) for table in PARTITIONED}
        shape = client.catalogue()
        assert list(client("SELECT job_id FROM vm_disks")) == [(f"job-{FIRST_ID + 1}",)]

    manage(url, "migrate", "--verbosity=0", "inventory", "0009")
    manage(url, "migrate", "--verbosity=0", "jobs", "0001")
    with client_of(engine, url) as client:
        assert {table: client.rows(table) for table in PARTITIONED} == before
        assert {client.catalogue()[table].primary_key for table in PARTITIONED} == {("id",)}
        assert len(client.rows("vm_disks")) == 1
        assert "job_id" not in client.catalogue()["vm_disks"].columns
        new = {table: insert_and_return_id(client, table) for table in PARTITIONED}
        assert all(number > FIRST_ID for number in new.values())

    manage(url, "migrate", "--verbosity=0")
    with client_of(engine, url) as client:
        assert client.catalogue() == shape
        for table in PARTITIONED:
            assert [row for row in client.rows(table) if row[0] != new[table]] == before[table]
            assert insert_and_return_id(client, table) > new[table]
            # An id is not given out again because its row has gone.
            gone = insert_and_return_id(client, table)
            client(f"DELETE FROM {table} WHERE id = %s", gone)
            assert insert_and_return_id(client, table) > gone
        assert [row[-1] for row in client.rows("vm_disks", "id, job_id")] == [None]


def insert_and_return_id(client: Client, table: str) -> int:
    row = valid_row(table, 99)
    del row["id"]
    marks = ", ".join(["%s"] * len(row))
    client(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())
    return int(client(f"SELECT MAX(id) FROM {table}")[0][0])


def test_back_to_zero_leaves_no_table_and_forwards_again_makes_the_same(
    engine: str, migrated: Callable[[str], str]
) -> None:
    url = migrated(engine)
    with client_of(engine, url) as client:
        before = client.catalogue()
    manage(url, "shell", "--verbosity=0", "--command", ALL_TO_ZERO)
    with client_of(engine, url) as client:
        assert set(client.catalogue()) == {"django_migrations", "schema_claims", *JOURNAL}
    manage(url, "migrate", "--verbosity=0")
    with client_of(engine, url) as client:
        assert client.catalogue() == before


JOURNAL = {
    *("schema_runs", "schema_steps", "schema_operations", "schema_statements", "schema_answers"),
    *("schema_probes", "schema_recovery_tasks", "schema_approvals", "schema_checklist_ticks"),
    *("schema_backfills", "schema_instances", "schema_checklist_keys", "schema_requests"),
}
ALL_TO_ZERO = """
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
applied = lambda: {app for app, _ in MigrationRecorder(connection).applied_migrations()}
while apps := sorted(applied(), key=lambda app: (app != "contenttypes", app)):
    call_command("migrate", apps[0], "zero", verbosity=0)
    assert apps[0] not in applied()
"""
"""Each app back to zero; that which most others wait for first, because it takes them along."""


@pytest.mark.skipif("mariadb" not in present(), reason="no MariaDB in this run")
def test_on_mariadb_tables_are_utf8mb4_whatever_the_databases_default(migrated: Callable[[str], str]) -> None:
    with client_of("mariadb", migrated("mariadb")) as client:
        assert client("SELECT @@character_set_database") == [("latin1",)]
        collations = client(
            """SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS
               WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL"""
        )
    by_column = {(table, column): collation for table, column, collation in collations}
    assert by_column["failover_jobs", "status"] == "utf8mb4_nopad_bin"
    assert by_column["vm_disks", "vm_context_id"] == "utf8mb4_nopad_bin"
    assert by_column["failover_jobs", "source_vm_name"] == "utf8mb4_unicode_ci"
    assert {collation for collation in by_column.values() if not collation.startswith("utf8mb4_")} == set()


def test_no_migration_waits_to_be_written(tmp_path: Any) -> None:
    manage(f"sqlite:///{tmp_path / 'empty.sqlite3'}", "makemigrations", "--check", "--dry-run")
