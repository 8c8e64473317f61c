"""In which state a schema is: what is wrong, what to do about it, and the exit code that tells it to a script."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.engines import connect, fresh_database, present

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def status(url: str, **environment: str) -> tuple[int, dict]:
    process = start(url, "schema_status", "--format", "json", **environment)
    printed, complained = process.communicate(timeout=LIMIT)
    assert "Traceback" not in complained
    return process.returncode, json.loads(printed)


def faults(found: dict) -> list[str]:
    """But for those of the neighbours: tests that run beside this one change other databases of the server."""
    return [issue["id"] for issue in found["issues"] if issue["id"] != "foreign_lock"]


def execute(url: str, statement: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute(statement)


def test_an_empty_database_has_all_pending_and_reading_makes_no_table(url):
    assert run(url, "migrate", "--plan")[0] == 0
    code, found = status(url)

    assert (code, found["state"], faults(found)) == (4, "pending", ["pending"])
    assert found["pending"] == ["counted.0001_table", "counted.0002_count", "counted.0003_count"]
    with pytest.raises(Exception, match="schema_runs"):
        rows(url, "SELECT * FROM schema_runs")


def test_a_migrated_database_is_ready_and_has_no_issue(url):
    assert run(url, "migrate")[0] == 0
    code, found = status(url)

    assert (code, found["state"], faults(found), found["holder"]) == (0, "ready", [], None)
    assert len(found["applied"]) == 3
    assert run(url, "schema_status")[1].endswith("  3 migrations applied, 0 pending\n")


def test_an_old_release_beside_a_new_schema_is_ready(url):
    assert run(url, "migrate")[0] == 0
    execute(
        url, "INSERT INTO django_migrations (app, name, applied) VALUES ('counted', '0009_new', '2026-01-01 00:00:00')"
    )
    code, found = status(url)

    assert (code, found["state"], found["ahead"]) == (0, "ready", ["counted.0009_new"])
    assert "older than the database" in run(url, "schema_status")[1]


def test_a_migration_that_is_not_what_was_applied_is_drift(url):
    assert run(url, "migrate")[0] == 0
    execute(url, "UPDATE schema_steps SET digest = 'other' WHERE name = '0002_count'")
    code, found = status(url)

    assert (code, found["state"], faults(found)) == (4, "drifted", ["edited"])
    assert "counted.0002_count was edited" in found["issues"][0]["words"]


def test_a_table_that_is_gone_is_drift_and_is_named(url):
    assert run(url, "migrate")[0] == 0
    execute(url, "DROP TABLE counted_count")
    code, found = status(url)

    assert (code, found["state"], faults(found)) == (4, "drifted", ["missing_table"])
    assert found["tables_missing"] == ["counted_count"]
    code, printed = run(url, "schema_health")
    assert (code, "tables_present: 0" in printed, "tables_expected: 1" in printed) == (4, True, True)
    assert "enum_types_valid: True" in printed


def test_two_faults_are_two_issues_and_the_graver_one_is_the_state(url):
    assert run(url, "migrate", "counted", "0002")[0] == 0
    execute(url, "UPDATE schema_steps SET digest = 'other' WHERE name = '0002_count'")
    code, found = status(url)

    assert (code, found["state"], sorted(faults(found))) == (4, "drifted", ["edited", "pending"])


def test_a_migration_that_was_interrupted_says_at_which_operation(url):
    assert run(url, "migrate", apps="undecided", DIES="1")[0] == -signal.SIGKILL
    code, found = status(url, apps="undecided")

    assert (code, found["state"], faults(found)) == (5, "interrupted", ["undecided", "pending"])
    assert "at operation 2 of 3 (Raw Python operation)" in found["issues"][0]["words"]
    assert found["issues"][0]["recommendation"].startswith("Run schema_recover, which prints")


def test_a_live_run_is_running_and_a_killed_one_is_interrupted(url):
    holder = start(url, "migrate", apps="slow", SLEEP_SECONDS="6")
    try:
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_claims WHERE step LIKE '%slow%'"), "the holder to begin")
        code, found = status(url, apps="slow")
        assert (code, found["state"]) == (3, "running")
        assert f"process {holder.pid} on " in found["holder"]
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    wait_for(lambda: status(url, apps="slow")[0] != 3, "the server to end the statement of the dead")
    assert status(url, apps="slow")[:1] == (5,)

    assert run(url, "migrate", apps="slow", SLEEP_SECONDS="0")[0] == 0
    assert status(url, apps="slow")[1]["state"] == "ready"


def test_a_database_that_cannot_be_asked_is_unknown_and_no_password_is_shown(engine, url):
    if engine == "sqlite":
        wrong = ["sqlite:////nowhere/at/all/hub.sqlite3"]
    else:
        parts = urlsplit(url)
        at = f"{parts.hostname}:{parts.port}"
        wrong = [
            urlunsplit(parts._replace(netloc=f"{parts.username}:not-the-password@{at}")),
            urlunsplit(parts._replace(path="/no_such_database")),
            urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:1")),
        ]
    for address in wrong:
        code, found = status(address)
        assert (code, found["state"], faults(found)) == (6, "unknown", ["unreachable"])
        password = urlsplit(address).password
        assert password is None or password not in json.dumps(found)
        assert run(address, "schema_wait", "--timeout", "0")[0] == 6


def test_who_waits_is_let_through_once_all_is_applied(url):
    assert run(url, "migrate", "--plan")[0] == 0
    assert run(url, "schema_wait", "--timeout", "0")[0] == 4

    waiting = start(url, "schema_wait", "--timeout", "60")
    assert run(url, "migrate")[0] == 0
    printed, complained = waiting.communicate(timeout=LIMIT)
    assert (waiting.returncode, "ready" in printed) == (0, True), complained


@pytest.mark.parametrize("server", [each for each in present() if each != "sqlite"])
def test_who_holds_a_table_makes_nobody_wait_who_asks_for_the_state(server):
    lock = {"postgresql": "LOCK TABLE counted_count", "mariadb": "LOCK TABLES counted_count WRITE"}[server]
    with fresh_database(server) as url:
        assert run(url, "migrate")[0] == 0
        execute(url, "ALTER TABLE counted_count ALTER COLUMN what SET DEFAULT 'x'")
        with contextlib.closing(connect(url)) as holder:
            holder.autocommit = False if server == "postgresql" else holder.autocommit
            holder.cursor().execute(lock)
            began = time.monotonic()
            code, found = status(url)
            assert time.monotonic() - began < 20
            # MariaDB shows the shape of a locked table; PostgreSQL lets nobody look who asks for its defaults.
            assert (code, faults(found)) == ((6, ["not_compared"]) if server == "postgresql" else (0, []))
            assert found["tables_missing"] == [] and found["pending"] == []
