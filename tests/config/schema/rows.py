"""A valid row of each table, as a client that knows no Django would write it: columns, values, SQL.

A row has only what its table demands. Rows are numbered; two rows of different numbers share no unique value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

TIME = "2026-11-05 10:00:00"
LATER = "2026-11-05 11:00:00"
FIRST_ID = 900_000


@dataclass(frozen=True)
class Ref:
    """The key of another table's row of this number."""

    table: str
    number: int = 1


NUMBER = object()
"""Stands for the row's own number, as a key."""

KEYS = {
    "vm_standings": "vm_context_id",
    "repository_standings": "repository_id",
    "vm_replication_contexts": "context_id",
    "operation_claims": "vm_context_id",
}

SECOND_FACTOR = {"user_id": Ref("users"), "name": "telephone"}

VALID: dict[str, dict[str, Any]] = {
    "auth_group": {"id": NUMBER, "name": "group-{n}"},
    "django_content_type": {"id": NUMBER, "app_label": "rows", "model": "model-{n}"},
    "auth_permission": {
        "id": NUMBER,
        "name": "may",
        "content_type_id": Ref("django_content_type"),
        "codename": "may-{n}",
    },
    "users": {
        "id": NUMBER,
        "username": "user-{n}",
        "password": "x",
        "first_name": "",
        "last_name": "",
        "email": "",
        "is_superuser": False,
        "is_staff": False,
        "is_active": True,
        "date_joined": TIME,
    },
    "users_groups": {"id": NUMBER, "user_id": Ref("users"), "group_id": Ref("auth_group")},
    "users_user_permissions": {"id": NUMBER, "user_id": Ref("users"), "permission_id": Ref("auth_permission")},
    "organizations": {"id": NUMBER, "name": "organization-{n}", "slug": "slug-{n}"},
    "memberships": {"id": NUMBER, "organization_id": Ref("organizations"), "user_id": Ref("users"), "role": "viewer"},
    "api_keys": {
        "id": NUMBER,
        "organization_id": Ref("organizations"),
        "owner_id": Ref("users"),
        "name": "key-{n}",
        "prefix": "prefix-{n}",
        "digest": "digest-{n}",
        "scopes": "[]",
    },
    "vcenters": {"id": NUMBER, "organization_id": Ref("organizations"), "name": "vcenter-{n}"},
    "hosts": {"id": NUMBER, "vcenter_id": Ref("vcenters"), "identity": "moref:host-{n}", "name": "esx"},
    "vm_replication_contexts": {
        "context_id": "ctx-{n}",
        "vcenter_id": Ref("vcenters"),
        "identity": "uuid:vm-{n}",
        "name": "vm",
    },
    "vm_disks": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "disk_id": "disk-{n}",
        "device_key": NUMBER,
    },
    "vm_network_interfaces": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "nic_key": "key:{n}",
    },
    "operation_claims": {"vm_context_id": Ref("vm_replication_contexts")},
    "discovery_runs": {
        "id": NUMBER,
        "source_kind": "vcenter",
        "source_name": "vc",
        "started_at": TIME,
        "counts": "{}",
        "findings": "[]",
    },
    "discovery_outcomes": {"id": NUMBER, "run_id": Ref("discovery_runs"), "vm_name": "vm", "outcome": "added"},
    "alerts": {
        "id": NUMBER,
        "code": "code-{n}",
        "subject": "system:{n}",
        "severity": "info",
        "message": "so",
        "raised_at": TIME,
    },
    "host_metrics": {"id": NUMBER, "at": TIME, "host_id": NUMBER},
    "vm_metrics": {"id": NUMBER, "at": TIME, "vm_context_id": "ctx-{n}"},
    "job_events": {
        "id": NUMBER,
        "job_kind": "replication",
        "job_id": "job-{n}",
        "vm_context_id": "ctx-{n}",
        "to_status": "pending",
        "actor": "engine",
    },
    "idempotency_keys": {
        "id": NUMBER,
        "caller": "caller-{n}",
        "key": "key-{n}",
        "request_digest": "digest",
        "expires_at": LATER,
    },
    "ossea_configs": {
        "id": NUMBER,
        "organization_id": Ref("organizations"),
        "name": "cloud-{n}",
        "api_url": "https://cloud/api",
    },
    "target_networks": {
        "id": NUMBER,
        "target_id": Ref("ossea_configs"),
        "external_id": "network-{n}",
        "name": "network",
    },
    "ossea_volumes": {
        "id": NUMBER,
        "ossea_config_id": Ref("ossea_configs"),
        "volume_id": "volume-{n}",
        "volume_name": "volume",
    },
    "protections": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "target_id": Ref("ossea_configs"),
        "rpo_seconds": 3600,
    },
    "replication_jobs": {
        "id": "job-{n}",
        "vm_context_id": Ref("vm_replication_contexts"),
        "target_id": Ref("ossea_configs"),
        "replication_type": "initial",
        "source_vm_name": "vm",
    },
    "replication_slots": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "slot_at": TIME,
        "outcome": "started",
    },
    "replication_disks": {"id": NUMBER, "job_id": Ref("replication_jobs"), "vm_disk_id": Ref("vm_disks")},
    "cbt_history": {
        "id": NUMBER,
        "vm_disk_id": Ref("vm_disks"),
        "generation": NUMBER,
        "change_id": "uuid/{n}",
        "capacity_bytes": 1024,
        "snapshot_at": TIME,
    },
    "network_mappings": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "source_network_name": "network-{n}",
        "purpose": "live",
        "target_network_id": Ref("target_networks"),
    },
    "failover_jobs": {
        "id": NUMBER,
        "job_id": "test-failover-{n}",
        "vm_context_id": Ref("vm_replication_contexts"),
        "job_type": "test",
        "source_vm_name": "vm",
    },
    "volume_snapshots": {"id": NUMBER, "job_id": Ref("failover_jobs"), "volume_id": Ref("ossea_volumes")},
    "failover_steps": {"id": NUMBER, "job_id": Ref("failover_jobs"), "seq": NUMBER, "name": "power on"},
    "recovery_plans": {"id": NUMBER, "organization_id": Ref("organizations"), "name": "plan-{n}"},
    "recovery_plan_groups": {"id": NUMBER, "plan_id": Ref("recovery_plans"), "seq": NUMBER, "name": "group-{n}"},
    "recovery_plan_members": {
        "id": NUMBER,
        "plan_id": Ref("recovery_plans"),
        "group_id": Ref("recovery_plan_groups"),
        "vm_context_id": Ref("vm_replication_contexts"),
    },
    "recovery_plan_runs": {"id": NUMBER, "plan_id": Ref("recovery_plans"), "kind": "test", "started_by": "ada"},
    "recovery_plan_steps": {
        "id": NUMBER,
        "run_id": Ref("recovery_plan_runs"),
        "seq": NUMBER,
        "kind": "pause",
        "title": "wait",
    },
    "backup_repositories": {
        "id": NUMBER,
        "organization_id": Ref("organizations"),
        "name": "repository-{n}",
        "kind": "nfs",
        "location": "nas:/copies",
    },
    "backup_policies": {
        "id": NUMBER,
        "organization_id": Ref("organizations"),
        "name": "policy-{n}",
        "keep_last": 3,
    },
    "backup_jobs": {
        "id": "backup-{n}",
        "vm_context_id": Ref("vm_replication_contexts"),
        "repository_id": Ref("backup_repositories"),
        "backup_type": "full",
    },
    "backup_disks": {
        "id": NUMBER,
        "job_id": Ref("backup_jobs"),
        "vm_disk_id": Ref("vm_disks"),
        "disk_id": "disk-{n}",
    },
    "restore_jobs": {
        "id": "restore-{n}",
        "backup_id": Ref("backup_jobs"),
        "mode": "restore",
        "destination": "/mnt",
    },
    "backup_schedules": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "repository_id": Ref("backup_repositories"),
        "schedule": "0 1 * * *",
    },
    "backup_slots": {
        "id": NUMBER,
        "schedule_id": Ref("backup_schedules"),
        "vm_context_id": Ref("vm_replication_contexts"),
        "slot_at": TIME,
        "outcome": "started",
    },
    "authenticators": {"id": NUMBER, **SECOND_FACTOR, "key": "sealed"},
    "recovery_codes": {"id": NUMBER, **SECOND_FACTOR, "codes": "sealed"},
    "schema_requests": {
        "id": NUMBER,
        "action": "plan",
        "subject": "",
        "plan": "[]",
        "loses": False,
        "needs_approval": False,
        "reason": "the release",
        "requested_by": "ada",
        "requested_at": TIME,
        "expires_at": LATER,
        "status": "requested",
        "open_key": "key-{n}",
        "said": "",
        "output": "",
    },
    "seeded_rows": {"id": NUMBER, "model": "inventory.vmcontext", "row_key": "row-{n}"},
    "fleet_surveys": {"id": NUMBER, "holder": "worker-{n}", "taken_at": TIME},
    "vm_standings": {
        "vm_context_id": Ref("vm_replication_contexts"),
        "rpo": "met",
        "test": "ready",
        "live": "ready",
    },
    "vm_standing_findings": {
        "id": NUMBER,
        "vm_context_id": Ref("vm_replication_contexts"),
        "code": "code-{n}",
    },
    "repository_standings": {"repository_id": Ref("backup_repositories"), "stored_bytes": 1},
    "saved_views": {
        "id": NUMBER,
        "owner_id": Ref("users"),
        "organization_id": Ref("organizations"),
        "list": "inventory.vmcontext",
        "name": "name-{n}",
        "query": "q=a",
    },
}
# Where two rows of one parent are two, each number has a parent of its own.
OF_ITS_OWN = {
    "users_groups": ("group_id",),
    "users_user_permissions": ("permission_id",),
    "memberships": ("user_id",),
    "operation_claims": ("vm_context_id",),
    "protections": ("vm_context_id",),
    "replication_slots": ("vm_context_id",),
    "replication_disks": ("vm_disk_id",),
    "volume_snapshots": ("volume_id",),
    "recovery_plan_members": ("vm_context_id",),
    "recovery_plan_runs": ("plan_id",),
    "backup_disks": ("vm_disk_id",),
    "backup_schedules": ("vm_context_id",),
    "backup_slots": ("schedule_id",),
    "vm_standings": ("vm_context_id",),
    "repository_standings": ("repository_id",),
}


def key_column(table: str) -> str:
    return KEYS.get(table, "id")


def key_of(table: str, number: int = 1) -> Any:
    """The key of the table's valid row of this number."""
    return valid_row(table, number)[key_column(table)]


def valid_row(table: str, number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """The columns and values of a valid row; `changes` come on top and may hold a Ref."""
    row = dict(VALID[table])
    for column in OF_ITS_OWN.get(table, ()):
        row[column] = Ref(row[column].table, number)
    return {column: _value(value, number) for column, value in (row | changes).items()}


def insert(table: str, number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """Insert a valid row and before it the rows that it refers to, where they are not yet there; return it."""
    for ref in references(table, number, changes):
        if not exists(ref.table, key_of(ref.table, ref.number)):
            insert(ref.table, ref.number)
    row = valid_row(table, number, **changes)
    insert_alone(table, row)
    return row


def references(table: str, number: int, changes: dict[str, Any]) -> Iterator[Ref]:
    own = OF_ITS_OWN.get(table, ())
    for column, value in (VALID[table] | changes).items():
        if isinstance(value, Ref):
            yield Ref(value.table, number) if column in own and column not in changes else value


def insert_alone(table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(map(quoted, row))
    places = ", ".join(["%s"] * len(row))
    execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *row.values())


def update(table: str, key: Any, /, **changes: Any) -> int:
    """Change the row of this key; return how many rows were."""
    changed = ", ".join(f"{quoted(column)} = %s" for column in changes)
    return execute(f"UPDATE {table} SET {changed} WHERE {key_column(table)} = %s", *changes.values(), key)


def delete(table: str, key: Any) -> int:
    return execute(f"DELETE FROM {table} WHERE {key_column(table)} = %s", key)


def exists(table: str, key: Any) -> bool:
    return bool(select(table, key, key_column(table)))


def select(table: str, key: Any, *columns: str) -> Any:
    """The columns of the row of this key, or None."""
    with connection.cursor() as cursor:
        names = ", ".join(map(quoted, columns))
        cursor.execute(f"SELECT {names} FROM {table} WHERE {key_column(table)} = %s", [key])
        return cursor.fetchone()


def execute(statement: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))


def _value(value: Any, number: int) -> Any:
    if value is NUMBER:
        return FIRST_ID + number
    if isinstance(value, Ref):
        return key_of(value.table, value.number)
    if isinstance(value, str):
        return value.replace("{n}", str(FIRST_ID + number))
    return value
