"""A migration that is killed anywhere is gone on with by the next; what no machine can know, a person decides."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from config.schema.dialects.statements import without_secrets
from tests.config.schema.processes import rows, run
from tests.engines import fresh_database
from tests.warm import completed

pytestmark = pytest.mark.every_engine
KILLED = -signal.SIGKILL


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def kill(url: str, engine: str, *arguments: str, by: str = "killing", **environment: str) -> dict:
    project = "config.settings" if by == "killing_ours" else "tests.awkward.settings"
    ours = {"DJANGO_SETTINGS_MODULE": project, "DATABASE_URL": url}
    done = completed(
        ["-m", f"tests.awkward.{by}", engine, *arguments], env=os.environ | ours | environment, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_any_boundary_the_next_migrate_brings_what_an_uninterrupted_one_brings(engine, url, capsys):
    report = kill(url, engine, "--quick")
    with capsys.disabled():
        print(f"\n{engine}: {report['kills']} kills in {report['cases']} cases, {report['seconds']} s")
    assert report["failures"] == []
    assert report["kills"] > 25


def test_on_the_backends_of_django_itself_too(engine, url):
    report = kill(url, engine, "--quick", "code_among_tables", STOCK="1")
    assert report["failures"] == []
    assert report["kills"] > 3


def test_so_it_is_with_the_migrations_of_this_project(engine, url):
    report = kill(url, engine, "--quick", by="killing_ours")
    assert report["failures"] == []
    assert report["kills"] > 6


def test_so_it_is_with_processes_that_are_killed_at_any_moment(engine, url, capsys):
    report = kill(url, engine, "--kills", "2", by="killing_processes")
    with capsys.disabled():
        print(f"\n{engine}: {report['kills']} processes killed, seed {report['seed']}: {report['died_at']}")
    assert report["failures"] == []
    assert (report["kills"] >= 2, report["undecided"]) == (True, 0)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [("--done", [("first",)]), ("--again", [("first",), ("first",), ("second",)])],
)
def test_code_outside_a_transaction_is_undecidable_and_a_person_decides(url, decision, expected):
    assert run(url, "migrate", apps="undecided", DIES="1")[0] == KILLED

    code, printed = run(url, "migrate", apps="undecided")
    assert code == 5
    assert "undecided.0001_code operation 2 of 3 (Raw Python operation) runs code outside a transaction" in printed
    assert "1 of its statements are journalled, the last begun: INSERT INTO" in printed
    assert f"schema_recover --apply {decision}" in printed

    code, printed = run(url, "schema_recover", apps="undecided")
    assert (code, "Applying undecided.0001_code was interrupted" in printed) == (0, True)
    assert run(url, "schema_recover", decision, apps="undecided")[0] == 4
    assert rows(url, "SELECT what FROM undecided_row") == [("first",)]

    code, printed = run(url, "schema_recover", "--apply", decision, "--reason", "looked", apps="undecided")
    assert code == 0, printed
    assert sorted(rows(url, "SELECT what FROM undecided_row")) == expected
    assert rows(url, "SELECT more FROM undecided_row WHERE more IS NOT NULL") == []
    assert rows(url, "SELECT name FROM django_migrations WHERE app = 'undecided'") == [("0001_code",)]
    assert rows(url, "SELECT command, reason, outcome FROM schema_runs ORDER BY id DESC")[:2] == [
        ("migrate", "looked", "done"),
        ("schema_recover", "looked", "done"),
    ]


def test_nothing_to_decide_is_refused_and_nothing_to_recover_writes_nothing(url):
    assert run(url, "migrate", apps="counted")[0] == 0
    before = rows(url, "SELECT * FROM schema_runs")

    assert run(url, "schema_recover", "--apply")[0] == 0
    assert "Nothing is to be mended." in run(url, "schema_recover", "--apply", "--done")[1]
    assert rows(url, "SELECT * FROM schema_runs") == before


def test_a_migration_that_was_edited_after_it_was_interrupted_is_refused(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == KILLED

    code, printed = run(url, "migrate", apps="edited", LENGTH="50")
    assert code == 5
    assert "edited.0001_edited was edited after it was interrupted: operation 1 was 'Create model Row'" in printed
    assert run(url, "migrate", apps="edited")[0] == 0


def test_another_migration_has_to_wait_until_the_interrupted_one_is_finished(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == KILLED

    code, printed = run(url, "migrate", "counted", apps="edited,counted")
    assert code == 5
    assert "say migrate edited 0001_edited" in printed
    assert run(url, "migrate", apps="edited,counted")[0] == 0


def test_the_journal_says_who_did_what_when_and_how_it_ended(url):
    assert run(url, "migrate", "--reason", "first light")[0] == 0
    assert run(url, "migrate", "counted", "0001", "--fake")[0] == 0

    assert rows(url, "SELECT command, arguments, reason, outcome, error FROM schema_runs ORDER BY id") == [
        ("migrate", "", "first light", "done", None),
        ("migrate", "counted 0001 --fake", None, "done", None),
    ]
    assert [
        (name, bool(back), bool(fake))
        for name, back, fake in rows(url, "SELECT name, backwards, faked FROM schema_steps ORDER BY id")
    ] == [
        ("0001_table", False, False),
        ("0002_count", False, False),
        ("0003_count", False, False),
        ("0003_count", True, True),
        ("0002_count", True, True),
    ]
    ended = "SELECT COUNT(*) FROM schema_steps WHERE ended_at IS NULL OR outcome <> 'done' OR ended_at < started_at"
    assert rows(url, ended) == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE USER reader PASSWORD 'hunter2'",
        "CREATE ROLE reader WITH LOGIN ENCRYPTED PASSWORD 'hunter2' VALID UNTIL '2030-01-01'",
        "CREATE USER reader@'%' IDENTIFIED BY 'hunter2'",
        "ALTER USER reader IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
        "SET PASSWORD FOR reader = 'hunter2'",
        "ALTER USER reader IDENTIFIED WITH caching_sha2_password BY 'hunt''er2'",
    ],
)
def test_the_journal_keeps_no_password(statement):
    kept = without_secrets(statement)
    assert "hunt" not in kept
    assert kept.split()[:2] == statement.split()[:2]
