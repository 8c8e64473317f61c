"""What a client that knows no Django leaves out is filled by the database."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone

from config.schema.dialects import dialect
from inventory.models import Alert, VMContext
from tests.config.schema import rows
from tests.config.schema.rules import project_models

pytestmark = pytest.mark.django_db
MODELS = {model._meta.db_table: model for model in project_models()}
RAW = "2026-11-05 23:30:15.250000"
SHIFTED = {"postgresql": "SET TIME ZONE 'Asia/Kolkata'", "mariadb": "SET time_zone = '+05:30'"}
BACK = {"postgresql": "SET TIME ZONE 'UTC'", "mariadb": "SET time_zone = '+00:00'"}


@contextlib.contextmanager
def session_in_kolkata() -> Iterator[None]:
    """The session of the database is five and a half hours ahead, as a raw client's may be; SQLite has no zones."""
    name = dialect(connection).name
    if name in SHIFTED:
        rows.execute(SHIFTED[name])
    try:
        yield
    finally:
        if name in BACK:
            rows.execute(BACK[name])


def of(table: str, *columns: str) -> Any:
    return rows.select(table, rows.key_of(table), *columns)


@pytest.mark.parametrize("table", [name for name, model in MODELS.items() if hasattr(model, "created_at")])
def test_a_row_is_stamped_in_utc_whatever_the_sessions_zone(table: str) -> None:
    with session_in_kolkata():
        rows.insert(table)
    model = MODELS[table]
    row = model.objects.get(pk=rows.key_of(table))
    stamps = [getattr(row, name) for name in ("created_at", "updated_at") if hasattr(row, name)]
    assert all(abs(stamp - timezone.now()) < timedelta(seconds=30) for stamp in stamps)


def test_an_event_is_dated_in_utc_to_the_fraction_of_a_second() -> None:
    with session_in_kolkata():
        rows.insert("job_events")
    event = MODELS["job_events"].objects.get()
    assert abs(event.at - timezone.now()) < timedelta(seconds=30)
    assert event.at.microsecond


def test_what_django_writes_by_default_and_what_the_database_writes_are_the_same() -> None:
    for model in MODELS.values():
        for field in model._meta.local_fields:
            if field.has_db_default() and field.has_default() and not callable(field.default):
                given = field.db_default.value if hasattr(field.db_default, "value") else field.db_default
                assert given == field.default, f"{model._meta.db_table}.{field.column}"


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("vm_disks", "sync_status", "pending"),
        ("vm_disks", "sync_progress_percent", 0),
        ("vm_disks", "bytes_synced", 0),
        ("vm_disks", "job_id", None),
        ("vm_replication_contexts", "runs_at", "source"),
        ("vm_replication_contexts", "version", 1),
        ("vcenters", "port", 443),
        ("vcenters", "tls_policy", "verify"),
        ("operation_claims", "fence", 0),
        ("operation_claims", "holder_id", None),
        ("discovery_runs", "status", "running"),
        ("target_networks", "isolation", "unknown"),
        ("ossea_volumes", "status", "creating"),
        ("replication_jobs", "status", "pending"),
        ("replication_jobs", "progress_percent", None),
        ("cbt_history", "sync_success", False),
        ("failover_jobs", "status", "pending"),
        ("failover_jobs", "aftermath", "none"),
        ("volume_snapshots", "status", "creating"),
        ("volume_snapshots", "is_active", True),
        ("failover_steps", "attempts", 0),
        ("recovery_plan_members", "is_critical", True),
        ("backup_jobs", "status", "pending"),
        ("backup_jobs", "is_protected", False),
        ("backup_policies", "time_zone", "UTC"),
        ("restore_jobs", "status", "pending"),
    ],
)
def test_a_column_left_out_has_its_default(table: str, column: str, value: Any) -> None:
    rows.insert(table)
    assert of(table, column) == (value,)


@pytest.mark.parametrize(
    ("capacity", "size"),
    [(None, None), (0, 0), (1, 1), (2**30, 1), (2**30 + 1, 2), (107374182400, 100), (2**50, 2**20)],
)
def test_size_gb_is_the_capacity_in_gib_rounded_up(capacity: int | None, size: int | None) -> None:
    rows.insert("vm_disks", capacity_bytes=capacity)
    assert of("vm_disks", "size_gb") == (size,)
    rows.update("vm_disks", rows.key_of("vm_disks"), capacity_bytes=5 * 2**30)
    assert of("vm_disks", "size_gb") == (5,)


def test_an_alert_that_says_nothing_of_it_is_open() -> None:
    rows.insert("alerts")
    assert Alert.objects.get().is_open is True


def test_a_time_that_python_writes_is_the_time_that_a_raw_client_reads() -> None:
    rows.insert("vm_replication_contexts")
    at = datetime(2026, 11, 5, 23, 30, 15, 250000, tzinfo=UTC)
    VMContext.objects.update(missing_since=at)
    with connection.cursor() as cursor:
        cursor.execute("SELECT missing_since FROM vm_replication_contexts WHERE missing_since = %s", [RAW])
        assert cursor.fetchall()


def test_every_column_that_the_seeds_give_a_default_has_one_in_the_database() -> None:
    """All numbers, flags and statuses that a Python default fills are filled for a raw client too."""
    without = [
        f"{table}.{field.column}"
        for table, model in MODELS.items()
        for field in model._meta.local_fields
        if field.has_default()
        and not field.has_db_default()
        and not callable(field.default)
        and not isinstance(field, models.JSONField)
        and table != "users"
    ]
    assert without == []
