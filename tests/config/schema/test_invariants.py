"""Every rule of the database refuses what it is there to refuse, from a client that knows no Django."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, models, transaction

from config.schema.fields import CodeField
from tests.config.schema import rows
from tests.config.schema.attacks import CURRENT, HELD, MOUNT, Attack, attacks_of, columns_in
from tests.config.schema.attacks_by_hand import BY_HAND, lifecycle_attacks
from tests.config.schema.rows import LATER, TIME, Ref
from tests.config.schema.rules import Rule, guarded_models, lines_of_document, project_models, rule_of, rules_of_models

IDS = {rule_of(line): line.id for line in lines_of_document()}
MODELS = {model._meta.db_table: model for model in guarded_models()}
OF_ALL_CLIENTS = {model._meta.db_table: model for model in project_models()}
"""Without the tables of `config.schema`, which nobody but that app writes."""
CHECKS = {
    check.name: (model, check)
    for model in MODELS.values()
    for check in model._meta.constraints
    if isinstance(check, models.CheckConstraint)
}
ON_MARIADB = settings.DATABASES["default"]["ENGINE"].endswith("mysql")
SQL_MODES = ("as configured", "''") if ON_MARIADB else ("as configured",)


MAY_BE_EMPTY = {"users": ("password", "first_name", "last_name", "email", "date_joined")}
"""Django's own columns, which are its own to fill."""


def rules_held_by(holder: str) -> list[Any]:
    return [pytest.param(rule, id=IDS.get(rule, rule.name)) for rule in rules_of_models() if rule.holder == holder]


@pytest.fixture(autouse=True, params=SQL_MODES)
def sql_mode(request: pytest.FixtureRequest, db: None) -> Iterator[None]:
    """On MariaDB also as a client has it that is not strict: what is missing or does not fit is made to."""
    if request.param == "as configured":
        yield
        return
    rows.execute("SET @configured = @@SESSION.sql_mode, SESSION sql_mode = ''")
    try:
        yield
    finally:
        rows.execute("SET SESSION sql_mode = @configured")


class Undo(Exception):
    """Ends a transaction whose rows are not to stay."""


@contextlib.contextmanager
def undone() -> Iterator[None]:
    with contextlib.suppress(Undo), transaction.atomic():
        yield
        raise Undo


@contextlib.contextmanager
def refused(*named: str) -> Iterator[None]:
    """What is done here is refused, and the refusal names one of these."""
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        yield
    assert any(name in str(refusal.value) for name in named), f"expected one of {named}: {refusal.value}"


def resolved(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with keys for the rows they refer to, which are inserted where they are not there."""
    for value in values.values():
        if isinstance(value, Ref) and not rows.exists(value.table, rows.key_of(value.table, value.number)):
            rows.insert(value.table, value.number)
    return {
        column: rows.key_of(value.table, value.number) if isinstance(value, Ref) else value
        for column, value in values.items()
    }


def attacks_on(rule: Rule) -> list[Attack]:
    """All attacks on a check."""
    model, check = CHECKS[rule.name]
    if rule.name in BY_HAND:
        return BY_HAND[rule.name]
    if hasattr(model, "LIFECYCLE") and rule.name in (of_lifecycle := dict(lifecycle_attacks(model))):
        return of_lifecycle[rule.name]
    return attacks_of(model, check)


@pytest.mark.parametrize("rule", rules_held_by("check"))
def test_a_check_refuses_what_it_names(rule: Rule) -> None:
    attacks = attacks_on(rule)
    assert attacks, f"nothing attacks {rule}: add attacks to tests/config/schema/attacks_by_hand.py"
    for attack in attacks:
        with undone():
            start = rows.insert(rule.table, **attack.start)
            key = start[rows.key_column(rule.table)]
            bad = resolved(attack.bad)
            with refused(rule.name, *attack.or_named):
                rows.update(rule.table, key, **bad)
            rows.delete(rule.table, key)
            with refused(rule.name, *attack.or_named):
                rows.insert_alone(rule.table, start | bad)


@pytest.mark.parametrize("rule", rules_held_by("key"))
def test_a_key_refuses_a_second_row_and_lets_another_in(rule: Rule) -> None:
    columns = columns_of_key(rule)
    with undone():
        first, second = two_rows(rule)
        same = {column: first[column] for column in (*columns, *ALONG.get(rule.name, ()))}
        key = second[rows.key_column(rule.table)]
        with refused(*names_of_key(rule, columns)):
            rows.update(rule.table, key, **same)
        rows.delete(rule.table, key)
        with refused(*names_of_key(rule, columns)):
            rows.insert_alone(rule.table, second | same)


@pytest.mark.parametrize("rule", rules_held_by("key"))
def test_other_case_a_space_or_an_accent_makes_another_key(rule: Rule) -> None:
    columns = columns_of_key(rule)
    codes = [name for name in columns if isinstance(field_of(rule.table, name), CodeField) and name not in CHOSEN]
    for column in codes:
        with undone():
            first, second = two_rows(rule)
            key_column = rows.key_column(rule.table)
            rows.update(rule.table, first[key_column], **{column: f"{first[column]}a"})
            rows.delete(rule.table, second[key_column])
            for ending in ENDINGS:
                same = {name: first[name] for name in columns} | {column: f"{first[column]}{ending}"}
                rows.insert_alone(rule.table, second | same)
                rows.delete(rule.table, (second | same)[key_column])


ENDINGS = ("A", "a ", "\N{LATIN SMALL LETTER A WITH ACUTE}", "a\N{COMBINING ACUTE ACCENT}")
"""What is not 'a'."""
CHOSEN = ("purpose",)
"""Columns of keys that hold one of a few known values."""
ALONG = {"vm_disks_device_key_per_vm": ("disk_id",)}
"""What is copied with a key, because another rule ties it to the key."""
BY_DEFAULT: dict[str, Any] = {"is_default": True}
TWO_ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "alerts_one_open": ({"is_open": True}, {"is_open": True}),
    "cbt_history_one_current": (CURRENT, {**CURRENT, "is_current": None}),
    "hosts_moref_per_vcenter": ({"moref": "host-1"}, {"moref": "host-2"}),
    "operation_claims.holder_id": (HELD, {**HELD, "holder_id": "backup-2"}),
    "organizations.is_default": (BY_DEFAULT, {}),
    "ossea_configs_one_default": (BY_DEFAULT, {}),
    "ossea_volumes_device_path_per_target": ({"device_path": "/dev/vdb"}, {"device_path": "/dev/vdc"}),
    "ossea_volumes.vm_disk_id": ({"vm_disk_id": Ref("vm_disks")}, {"vm_disk_id": Ref("vm_disks", 2)}),
    "recovery_plan_runs_one_active": ({"is_active": True}, {"is_active": True}),
    "recovery_plan_steps.failover_job_id": (
        {"failover_job_id": Ref("failover_jobs")},
        {"failover_job_id": Ref("failover_jobs", 2)},
    ),
    "restore_jobs_one_active_mount": (MOUNT, {**MOUNT, "backup_disk_id": Ref("backup_disks", 2)}),
    "schema_requests.open_key": ({"open_key": "one"}, {"open_key": "two"}),
    "vcenters_one_default": (BY_DEFAULT, {}),
    "vcenters_one_per_instance": ({"instance_uuid": "uuid-1"}, {"instance_uuid": "uuid-2"}),
    "volume_snapshots.snapshot_id": ({"snapshot_id": "snapshot-1"}, {"snapshot_id": "snapshot-2"}),
    "volume_snapshots_one_active": ({"is_active": True}, {"is_active": True}),
}
"""What two rows have beside the minimum, where the columns of their key may be unset."""


def two_rows(rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two rows that the key lets stand beside each other, inserted."""
    first, second = TWO_ROWS.get(rule.name, ({}, {}))
    return rows.insert(rule.table, 1, **first), rows.insert(rule.table, 2, **second)


def field_of(table: str, column: str) -> Any:
    return next(field for field in MODELS[table]._meta.local_fields if field.column == column)


def columns_of_key(rule: Rule) -> list[str]:
    model = MODELS[rule.table]
    constraint = next((each for each in model._meta.constraints if each.name == rule.name), None)
    if constraint:
        return [model._meta.get_field(name).column for name in constraint.fields]
    return [name.rpartition(".")[2] for name in rule.name.split()]


def names_of_key(rule: Rule, columns: list[str]) -> set[str]:
    """How the engines name a key when they refuse: SQLite by its columns."""
    in_sqlite = "UNIQUE constraint failed: " + ", ".join(f"{rule.table}.{column}" for column in columns)
    return {in_sqlite, *names_in_catalogue(rule.table, columns, "unique")}


def names_in_catalogue(table: str, columns: list[str], kind: str) -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {name for name, each in found.items() if each["columns"] == columns and each[kind]}


@pytest.mark.parametrize("rule", [rule for rule in rules_of_models() if rule.name in TWO_ROWS], ids=str)
def test_where_a_key_is_unset_any_number_of_rows_may_be(rule: Rule) -> None:
    nullable = [column for column in columns_of_key(rule) if field_of(rule.table, column).null]
    without = UNSET.get(rule.name, dict.fromkeys(nullable))
    key = [column for column in columns_of_key(rule) if column not in nullable]
    with undone():
        first = rows.insert(rule.table, 1, **without)
        rows.insert(rule.table, 2, **without, **{column: first[column] for column in key})


UNSET: dict[str, dict[str, Any]] = {
    "alerts_one_open": {"is_open": None, "resolved_at": TIME},
    "recovery_plan_runs_one_active": {"is_active": None, "status": "cancelled", "completed_at": LATER},
    "schema_requests.open_key": {"open_key": None, "status": "cancelled", "ended_at": LATER},
    "volume_snapshots_one_active": {"is_active": None, "status": "deleted"},
}


@pytest.mark.parametrize("rule", rules_held_by("foreign key"))
def test_deleting_the_row_that_a_foreign_key_names_does_what_its_rule_says(rule: Rule) -> None:
    field = field_of(rule.table, rule.column)
    parent = field.related_model._meta.db_table
    with undone():
        # The named row has no other row than this one.
        child = rows.insert(rule.table)
        key = child[rows.key_column(rule.table)]
        named = rows.insert(parent, NAMED)[rows.key_column(parent)]
        rows.update(rule.table, key, **{rule.column: named}, **BESIDE.get(rule.column_of_table, {}))
        key = named if rule.column == rows.key_column(rule.table) else key
        match rule.on_delete:
            case "RESTRICT":
                with refused(*names_of_foreign_key(rule)):
                    rows.delete(parent, named)
                rows.delete(rule.table, key)
                assert rows.delete(parent, named) == 1
            case "CASCADE":
                assert rows.delete(parent, named) == 1
                assert not rows.exists(rule.table, key)
            case "SET NULL":
                assert rows.delete(parent, named) == 1
                assert rows.select(rule.table, key, rule.column) == (None,)


NAMED = 8
BESIDE: dict[str, dict[str, Any]] = {
    "alerts.vm_context_id": {"subject": "vm:8"},
    "alerts.host_id": {"subject": "host:8"},
    "alerts.acknowledged_by_id": {"acknowledged_at": TIME},
    "backup_jobs.parent_id": {"backup_type": "incremental"},
}
"""What a foreign key asks for when it is set."""


def names_of_foreign_key(rule: Rule) -> set[str]:
    """How the engines name a foreign key when they refuse: SQLite does not."""
    if connection.vendor == "sqlite":
        return {"FOREIGN KEY constraint failed"}
    return names_in_catalogue(rule.table, [rule.column], "foreign_key")


@pytest.mark.django_db(transaction=True)
def test_no_foreign_key_lets_in_a_row_that_names_nothing() -> None:
    let_in = []
    for rule in rules_of_models():
        if rule.holder == "foreign key":
            nothing = "nothing" if isinstance(field_of(rule.table, rule.column).target_field, CodeField) else 7_000_000
            try:
                with refused(*names_of_foreign_key(rule)):
                    child = rows.insert(rule.table)
                    beside = BESIDE.get(rule.column_of_table, {})
                    rows.update(rule.table, child[rows.key_column(rule.table)], **{rule.column: nothing}, **beside)
            except (AssertionError, pytest.fail.Exception) as error:
                let_in.append(f"{rule}: {error}")
    assert not let_in


TEXTS = [
    pytest.param(table, field, id=f"{table}.{field.column}")
    for table, model in OF_ALL_CLIENTS.items()
    for field in model._meta.local_fields
    if isinstance(field, models.CharField | models.TextField)
    and not (field.null or field.has_db_default() or field.remote_field)
    and field.column not in MAY_BE_EMPTY.get(table, ())
]


@pytest.mark.parametrize(("table", "field"), TEXTS)
def test_a_text_left_out_is_refused_and_not_taken_for_an_empty_one(table: str, field: Any) -> None:
    with undone():
        row = rows.insert(table)
        rows.delete(table, row[rows.key_column(table)])
        row.pop(field.column)
        with refused(field.column, "CONSTRAINT `"):
            rows.insert_alone(table, row)


@pytest.mark.parametrize("table", OF_ALL_CLIENTS)
def test_a_time_left_out_is_refused_and_not_taken_for_year_zero(table: str) -> None:
    for field in MODELS[table]._meta.local_fields:
        given = isinstance(field, models.DateTimeField) and not (field.null or field.has_db_default())
        if given and field.column not in MAY_BE_EMPTY.get(table, ()):
            with undone():
                row = rows.insert(table)
                rows.delete(table, row[rows.key_column(table)])
                row.pop(field.column)
                with refused(field.column, f"{table}_time_given"):
                    rows.insert_alone(table, row)


def test_every_list_of_choices_is_a_check_too() -> None:
    for table, model in MODELS.items():
        for field in model._meta.local_fields:
            if field.choices:
                assert any(
                    check.name.endswith(f"_{field.name}_known") for owner, check in CHECKS.values() if owner is model
                ), f"{table}.{field.column} has choices and no check"


def test_no_check_names_a_column_that_a_foreign_key_may_change() -> None:
    """MySQL refuses such a check; MariaDB and PostgreSQL would have the deletion fail instead of set NULL."""
    changed = {
        rule.column_of_table
        for rule in rules_of_models()
        if rule.holder == "foreign key" and rule.on_delete != "RESTRICT"
    }
    for model, check in CHECKS.values():
        for name in columns_in(check.condition):
            field = model._meta.get_field(name.partition("__")[0])
            assert f"{model._meta.db_table}.{field.column}" not in changed, check.name
