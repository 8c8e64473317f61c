"""Each fault of the runbook (docs/schema.md): what schema_status, schema_health and schema_wait say of it, and that the
one command which the runbook names for it is what it needs."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.checkout import ROOT
from tests.config.schema.processes import run, session
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
RECORD = "INSERT INTO django_migrations (app, name, applied) VALUES ('ruled', '{}', '2026-01-01 00:00:00')"
FORGET = "DELETE FROM django_migrations WHERE name = '{}'"
GONE = "UPDATE schema_claims SET owner = 'gone', host = 'web-1', pid = 1, taken_at = '2026-01-01 00:00:00'"
INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'thing_by_size'::regclass"
MIGRATE = ("command", "migrate", "-v0")


@dataclass(frozen=True)
class Fault:
    """The steps that bring it about, and what is said of it."""

    steps: tuple[tuple[str, ...], ...]
    issues: tuple[str, ...]
    state: str = "drifted"
    mended: str = "drifted"
    """The state after the command of the runbook; where a person has to go on, it is the same."""
    subject: str = ""
    dies: str = ""
    """The app in whose migration a run was killed."""


def change(operation: str, issue: str, **words: str) -> Fault:
    return Fault((("change", "ruled", operation),), (issue,), **words)


def sql(*statements: str, issues: tuple[str, ...], **words: str) -> Fault:
    return Fault(tuple(("sql", each) for each in statements), issues, **words)


LOOSE = "AlterField('Thing', 'kind', models.ForeignKey('ruled.Kind', models.CASCADE, db_constraint=False))"
CODES = {"drifted": 4, "pending": 4, "interrupted": 5, "ready": 0}
FAULTS = {
    "missing_table": change("DeleteModel('More')", "missing_table", mended="ready", subject="ruled_more"),
    "missing_column": change("RemoveField('Thing', 'note')", "missing_column"),
    "type": change("AlterField('Thing', 'note', models.CharField(max_length=9, null=True))", "type"),
    "foreign_key": change(LOOSE, "foreign_key"),
    "unique": change("RemoveConstraint('Thing', 'thing_code')", "unique"),
    "check": change("RemoveConstraint('Thing', 'thing_size')", "check"),
    "missing_index": change("RemoveIndex('Thing', 'thing_by_size')", "missing_index"),
    "edited": sql("UPDATE schema_steps SET digest = 'other' WHERE name = '0002_more'", issues=("edited",)),
    "lost": sql(FORGET.format("0002_more"), RECORD.format("0001_lost"), RECORD.format("0002_more"), issues=("lost",)),
    "inconsistent_history": sql(
        FORGET.format("0001_rules"), issues=("inconsistent_history", "unrecorded"), mended="ready"
    ),
    "unrecorded": sql(FORGET.format("0002_more"), issues=("unrecorded",), mended="ready"),
    "pending": sql(
        "DROP TABLE ruled_more", FORGET.format("0002_more"), issues=("pending",), state="pending", mended="ready"
    ),
    # Another app, which the killed run had not come to, stays pending.
    "interrupted": Fault((), ("interrupted", "pending"), "interrupted", "pending", dies="edited"),
    "undecided": Fault((), ("undecided", "pending"), "interrupted", "interrupted", dies="undecided"),
    "missing_journal": sql("DROP TABLE schema_answers", issues=("missing_journal",), mended="ready"),
    "dead_run": sql(GONE, issues=("dead_run",), state="interrupted", mended="ready"),
}
ONLY_ON = {
    "postgresql": {"invalid_index": sql(INVALID, issues=("invalid_index",), mended="ready")},
    "mariadb": {"storage": sql("ALTER TABLE ruled_more ENGINE = MyISAM", issues=("storage",))},
}
ALL = {**FAULTS, **{name: fault for faults in ONLY_ON.values() for name, fault in faults.items()}}


def runbook() -> dict[str, str]:
    """The command for each fault, as docs/schema.md has it."""
    text = (ROOT / "docs" / "schema.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \|.*\| `manage\.py ([^`|]+)` \|$", text, re.MULTILINE))


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def issues(found: dict) -> list[dict]:
    """But for those of the neighbours: tests that run beside this one change other databases of the server."""
    return [issue for issue in found["issues"] if issue["id"] != "foreign_lock"]


def test_every_fault_that_can_be_made_is_in_the_runbook() -> None:
    assert {*ALL} <= set(runbook())


@pytest.mark.parametrize("fault", ALL)
def test_a_fault_is_told_with_its_own_advice_and_its_command_is_what_it_needs(fault, engine, url):
    if fault not in FAULTS | ONLY_ON.get(engine, {}):
        assert fault not in json.dumps(session(url, MIGRATE, ("command", "schema_drift"), apps="ruled"))
        return
    this = ALL[fault]
    apps = ",".join(filter(None, ["ruled", this.dies]))
    if this.dies:
        assert run(url, "migrate", apps=apps, DIES="1")[0] == -signal.SIGKILL
    command = shlex.split(runbook()[fault].replace("TABLE", this.subject).replace("APP", "ruled"))
    answers = session(
        url,
        *(() if this.dies else (MIGRATE,)),
        *this.steps,
        ("command", "schema_status", "--format", "json"),
        ("command", "schema_health", "--format", "json"),
        ("command", "schema_wait", "--timeout", "0"),
        ("command", *command),
        ("command", "schema_status", "--format", "json"),
        apps=apps,
    )
    (code, status), (health_code, health), (wait_code, _), (_, printed), (_, after) = answers[-5:]
    found, healthy = json.loads(status), json.loads(health)

    assert (found["state"], {issue["id"] for issue in issues(found)}) == (this.state, {*this.issues})
    assert code == health_code == wait_code == CODES[this.state]
    advice = [issue["recommendation"] for issue in issues(found)]
    assert all(advice) and len(set(advice)) == len(advice)
    assert (healthy["state"], healthy["healthy"]) == (this.state, False)
    assert set(advice) <= set(healthy["recommendations"])
    assert json.loads(after)["state"] == this.mended, printed


def test_what_recovers_writes_nothing_where_nothing_is_wrong(url):
    tables = ("django_migrations", "schema_claims", "schema_runs", "schema_steps", "schema_recovery_tasks")
    dump = ("command", "shell", "-v0", "-c", DUMP.format(tables))
    _, before, recovered, after, status = session(
        url, MIGRATE, dump, ("command", "schema_recover", "--apply"), dump, ("command", "schema_status"), apps="ruled"
    )

    assert recovered == [0, "Nothing is to be mended.\n"]
    assert "gone" not in before[1] and "ruled" in before[1]
    assert after == before
    assert status[0] == 0


DUMP = """
from django.db import connection
with connection.cursor() as cursor:
    for table in {}:
        cursor.execute("SELECT * FROM " + table)
        print(cursor.fetchall())
"""


ON_FILES = {
    "lost": FAULTS["lost"].steps,
    "edited": FAULTS["edited"].steps,
}


@pytest.mark.parametrize("fault", ON_FILES)
def test_a_file_that_is_not_what_was_applied_hides_no_drift_and_has_to_be_put_back_before_it_is_mended(fault, url):
    shorter = ("change", "ruled", "AlterField('Thing', 'note', models.CharField(max_length=9, null=True))")
    show = [("command", "schema_status", "--format", "json"), ("command", "schema_drift", "--sql")]
    answers = session(url, MIGRATE, *ON_FILES[fault], shorter, *show, apps="ruled")
    (_, status), (_, script) = answers[-2:]
    found = json.loads(status)
    name = {"lost": "ruled.0001_lost", "edited": "ruled.0002_more"}[fault]

    assert {issue["id"] for issue in issues(found)} == {fault, "type"}
    assert found["ahead"] == []
    (drift,) = (issue for issue in issues(found) if issue["id"] == "type")
    assert drift["recommendation"] == f"First put back {name}, as it was applied here; then look again."
    assert drift["recommendation"] in script
    assert not any(line and not line.startswith("--") for line in script.splitlines()[:-1])


def test_the_way_to_prune_names_the_app(url):
    _, *_, (_, status) = session(
        url, MIGRATE, *ON_FILES["lost"], ("command", "schema_status", "--format", "json"), apps="ruled"
    )
    (lost,) = issues(json.loads(status))
    assert "migrate ruled --prune" in lost["recommendation"]
