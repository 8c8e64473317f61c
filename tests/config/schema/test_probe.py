"""What the worker does when it looks: it remembers, opens one task for a fault, and does what a person has approved."""

import contextlib
import json
import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine
TASKS = "SELECT fault, subject, command, approved_by, outcome FROM schema_recovery_tasks ORDER BY id"
CREATE = "schema_recover --apply --create-table counted_count"


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def execute(url: str, statement: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute(statement)


def approve(url: str) -> None:
    execute(url, "UPDATE schema_recovery_tasks SET approved_by = 'ada', approved_at = opened_at WHERE outcome IS NULL")


def test_where_migrate_has_not_been_a_probe_makes_no_table(url):
    assert run(url, "migrate", "--plan")[0] == 0
    assert run(url, "schema_probe")[0] == 4
    with pytest.raises(Exception, match="schema_probes"):
        rows(url, "SELECT 1 FROM schema_probes")


def test_the_same_finding_stays_one_row_and_another_is_a_new_one(url):
    assert run(url, "migrate")[0] == 0
    assert [run(url, "schema_probe")[0] for _ in range(2)] == [0, 0]
    execute(url, "DROP TABLE counted_count")
    assert run(url, "schema_probe")[0] == 4

    assert rows(url, "SELECT state FROM schema_probes ORDER BY id") == [("ready",), ("drifted",)]
    (first,) = rows(url, "SELECT faults FROM schema_probes ORDER BY id DESC")[:1]
    assert [fault["id"] for fault in json.loads(first[0])] == ["missing_table"]


def test_a_fault_has_one_task_which_closes_when_it_is_gone(url):
    assert run(url, "migrate")[0] == 0
    execute(url, "DROP TABLE counted_count")
    for _ in range(2):
        run(url, "schema_probe")
    assert rows(url, TASKS) == [("missing_table", "counted_count", CREATE, None, None)]

    assert run(url, "schema_recover", "--apply", "--create-table", "counted_count")[0] == 0
    assert run(url, "schema_probe")[0] == 0
    assert rows(url, TASKS) == [("missing_table", "counted_count", CREATE, None, "gone")]


def test_nothing_is_mended_unasked_and_what_is_approved_is(url):
    assert run(url, "migrate")[0] == 0
    execute(url, "DROP TABLE counted_count")
    for _ in range(2):
        run(url, "schema_probe")
    with pytest.raises(Exception, match="counted_count"):
        rows(url, "SELECT 1 FROM counted_count")

    approve(url)
    code, printed = run(url, "schema_probe")

    assert (code, "drifted" in printed) == (0, False)
    assert rows(url, "SELECT state FROM schema_probes ORDER BY id") == [("drifted",), ("ready",)]
    assert rows(url, "SELECT 1 FROM counted_count") == []
    assert rows(url, TASKS) == [("missing_table", "counted_count", CREATE, "ada", "mended")]
    done = rows(url, "SELECT command, arguments, reason, outcome FROM schema_runs ORDER BY id DESC")[0]
    assert done == ("schema_recover", "--apply --create-table counted_count", "approved by ada", "done")


def test_an_interrupted_migration_is_gone_on_with_once_it_is_approved(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == -signal.SIGKILL
    assert run(url, "schema_probe", apps="edited")[0] == 5
    approve(url)
    run(url, "schema_probe", apps="edited")

    assert rows(url, TASKS)[0][3:] == ("ada", "mended")
    assert run(url, "schema_probe", apps="edited")[0] == 0


def test_a_repair_that_fails_says_so_and_the_fault_gets_another_task(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == -signal.SIGKILL
    run(url, "schema_probe", apps="edited")
    approve(url)
    for _ in range(2):
        run(url, "schema_probe", apps="edited", LENGTH="50")

    assert [each[4] for each in rows(url, TASKS)] == ["failed", None]
    ((error,),) = rows(url, "SELECT error FROM schema_recovery_tasks WHERE outcome = 'failed'")
    assert "was edited after it was interrupted" in error


def test_a_watching_worker_looks_again_and_again(url):
    assert run(url, "migrate")[0] == 0
    worker = start(url, "schema_probe", "--watch", SCHEMA_PROBE_SECONDS="0.2")
    try:
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_probes"), "the first look")
        execute(url, "DROP TABLE counted_count")
        wait_for(lambda: len(rows(url, "SELECT 1 FROM schema_probes")) == 2, "the worker to look again")
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.communicate(timeout=LIMIT)
