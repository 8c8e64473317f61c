"""Each fault of the runbook (docs/schema.md): what schema_status, schema_health and schema_wait say of it, and that the
one command which the runbook names for it is what it needs."""

import json
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.checkout import ROOT
from tests.config.schema.processes import LIMIT, rows, run, script, start
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
APPS = "ruled"
HISTORY = "INSERT INTO django_migrations (app, name, applied) VALUES ('ruled', '{}', '2026-01-01 00:00:00')"
EDIT = """
import django; django.setup()
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import *
before = MigrationExecutor(connection)._create_project_state(with_applied_migrations=True)
operation, after = {}, before.clone()
operation.state_forwards("ruled", after)
with connection.schema_editor() as editor:
    operation.database_forwards("ruled", editor, before, after)
"""
ASK = """
import django; django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute({!r})
"""


@dataclass(frozen=True)
class Fault:
    """What brings it about, and what is said of it."""

    happens: Callable[[str], None]
    state: str
    code: int
    issues: tuple[str, ...]
    mended: str = "ready"
    """The state after the command of the runbook."""
    subject: str = ""
    apps: str = APPS


def edit(code: str) -> Callable[[str], None]:
    def happen(url: str) -> None:
        done = script(url, EDIT.format(code), apps=APPS)
        assert done.returncode == 0, done.stderr

    return happen


def ask(statement: str) -> Callable[[str], None]:
    def happen(url: str) -> None:
        done = script(url, ASK.format(statement), apps=APPS)
        assert done.returncode == 0, done.stderr

    return happen


def die(apps: str, *arguments: str) -> Callable[[str], None]:
    def happen(url: str) -> None:
        assert run(url, "migrate", *arguments, apps=apps, DIES="1")[0] == -signal.SIGKILL

    return happen


DRIFTED = ("drifted", 4)
BY_HAND = "drifted"
FAULTS = {
    "missing_table": Fault(edit("DeleteModel('More')"), *DRIFTED, ("missing_table",), subject="ruled_more"),
    "missing_column": Fault(edit("RemoveField('Thing', 'note')"), *DRIFTED, ("missing_column",), BY_HAND),
    "type": Fault(
        edit("AlterField('Thing', 'note', models.CharField(max_length=9, null=True))"), *DRIFTED, ("type",), BY_HAND
    ),
    "foreign_key": Fault(
        edit("AlterField('Thing', 'kind', models.ForeignKey('ruled.Kind', models.CASCADE, db_constraint=False))"),
        *DRIFTED,
        ("foreign_key",),
        BY_HAND,
    ),
    "unique": Fault(edit("RemoveConstraint('Thing', 'thing_code')"), *DRIFTED, ("unique",), BY_HAND),
    "check": Fault(edit("RemoveConstraint('Thing', 'thing_size')"), *DRIFTED, ("check",), BY_HAND),
    "missing_index": Fault(edit("RemoveIndex('Thing', 'thing_by_size')"), *DRIFTED, ("missing_index",), BY_HAND),
    "edited": Fault(
        ask("UPDATE schema_steps SET digest = 'other' WHERE name = '0002_more'"), *DRIFTED, ("edited",), BY_HAND
    ),
    "lost": Fault(
        lambda url: [
            ask(statement)(url)
            for statement in (
                "DELETE FROM django_migrations WHERE name = '0002_more'",
                HISTORY.format("0001_lost"),
                HISTORY.format("0002_more"),
            )
        ],
        *DRIFTED,
        ("lost",),
        BY_HAND,
    ),
    "inconsistent_history": Fault(
        ask("DELETE FROM django_migrations WHERE name = '0001_rules'"),
        *DRIFTED,
        ("inconsistent_history",),
        BY_HAND,
    ),
    "unrecorded": Fault(
        ask("DELETE FROM django_migrations WHERE name = '0002_more'"), "drifted", 4, ("unrecorded", "pending")
    ),
    "pending": Fault(
        lambda url: [ask("DROP TABLE ruled_more")(url), FAULTS["unrecorded"].happens(url)], "pending", 4, ("pending",)
    ),
    "interrupted": Fault(die("ruled,edited"), "interrupted", 5, ("interrupted", "pending"), apps="ruled,edited"),
    "undecided": Fault(
        die("ruled,undecided"), "interrupted", 5, ("interrupted", "pending"), "interrupted", apps="ruled,undecided"
    ),
    "dead_run": Fault(
        ask("UPDATE schema_claims SET owner = 'gone', host = 'web-1', pid = 1, taken_at = '2026-01-01 00:00:00'"),
        "interrupted",
        5,
        ("dead_run",),
    ),
}
ONLY_ON_POSTGRESQL = {
    "invalid_index": Fault(
        ask("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'thing_by_size'::regclass"),
        *DRIFTED,
        ("invalid_index",),
    )
}


def runbook() -> dict[str, str]:
    """The command for each fault, as docs/schema.md has it."""
    text = (ROOT / "docs" / "schema.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \|.*\| `(?:manage\.py )?([^`|]+)` \|$", text, re.MULTILINE))


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", apps=APPS)[0] == 0
        yield address


def said(url: str, command: str, apps: str) -> tuple[int, dict]:
    process = start(url, command, "--format", "json", apps=apps)
    printed, complained = process.communicate(timeout=LIMIT)
    assert "Traceback" not in complained
    return process.returncode, json.loads(printed)


def issues(found: dict) -> list[dict]:
    """But for those of the neighbours: tests that run beside this one change other databases of the server."""
    return [issue for issue in found["issues"] if issue["id"] != "foreign_lock"]


def test_every_fault_that_can_be_made_is_in_the_runbook() -> None:
    assert {*FAULTS, *ONLY_ON_POSTGRESQL} <= set(runbook())


@pytest.mark.parametrize("fault", [*FAULTS, *ONLY_ON_POSTGRESQL])
def test_a_fault_is_told_with_its_own_advice_and_its_command_is_what_it_needs(fault, engine, url):
    if fault in ONLY_ON_POSTGRESQL and engine != "postgresql":
        assert fault not in [issue["id"] for issue in issues(said(url, "schema_status", APPS)[1])]
        return
    this = (FAULTS | ONLY_ON_POSTGRESQL)[fault]
    this.happens(url)

    code, found = said(url, "schema_status", this.apps)
    assert (code, found["state"], {issue["id"] for issue in issues(found)}) == (this.code, this.state, {*this.issues})
    advice = [issue["recommendation"] for issue in issues(found)]
    assert all(advice) and len(set(advice)) == len(advice)
    code, health = said(url, "schema_health", this.apps)
    assert (code, health["state"], health["healthy"]) == (this.code, this.state, False)
    assert set(advice) <= set(health["recommendations"])
    assert run(url, "schema_wait", "--timeout", "0", apps=this.apps)[0] == this.code

    command = shlex.split(runbook()[fault].replace("TABLE", this.subject).replace("APP", "ruled"))
    code, printed = run(url, *command, apps=this.apps)
    assert "Traceback" not in printed
    assert said(url, "schema_status", this.apps)[1]["state"] == this.mended, printed


def test_what_recovers_writes_nothing_where_nothing_is_wrong(url):
    tables = ("django_migrations", "schema_claims", "schema_runs", "schema_steps", "schema_recovery_tasks")
    before = [rows(url, f"SELECT * FROM {table}") for table in tables]

    assert run(url, "schema_recover", "--apply", apps=APPS) == (0, "Nothing is to be mended.\n")

    assert [rows(url, f"SELECT * FROM {table}") for table in tables] == before
    code, found = said(url, "schema_status", APPS)
    assert (code, issues(found)) == (0, [])
