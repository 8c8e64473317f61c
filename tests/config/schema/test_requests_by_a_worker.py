"""A worker does what was let go, with the commands of a terminal; and what it leaves when it is killed."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run, script, wait_for
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
APPS = "shrinking,slow"
GUARDED = {"apps": APPS, "SCHEMA_GATE": "destructive"}
SETUP = """
import django, json
django.setup()
from django.db import connection
from config.schema.requests.services import *
from config.schema.requests.work import do_one
"""
ASK = """
seen = propose(connection, {action!r}, {subject!r})
row = request_work(connection, {action!r}, {subject!r}, digest=seen.digest, reason="the release", by="ada")
if row.needs_approval:
    approve_request(connection, row.pk, digest=row.digest or "", by="bob")
run_request(connection, row.pk, by="ada")
print(json.dumps([row.pk, row.needs_approval, row.loses]))
"""
WORK = SETUP + "do_one()"


def do(url: str, code: str, **environment: str) -> str:
    done = script(url, SETUP + code, **GUARDED | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(url: str, action: str, subject: str = "", **environment: str) -> list:
    return json.loads(do(url, ASK.format(action=action, subject=subject), **environment).splitlines()[-1])


def seen(url: str, pk: int, *columns: str) -> tuple:
    return rows(url, f"SELECT {', '.join(columns)} FROM schema_requests WHERE id = {pk}")[0]


def has_note(url: str) -> bool:
    return "note" in do(
        url, "print(*connection.introspection.get_table_description(connection.cursor(), 'shrinking_item'))"
    )


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", "shrinking", "0001", apps=APPS)[0] == 0
        yield address


IDLE = """
from django.test.utils import CaptureQueriesContext
do_one()
with CaptureQueriesContext(connection) as made:
    do_one()
print(json.dumps([each["sql"] for each in made]))
"""


def test_a_worker_with_nothing_to_do_reads_the_list_of_tables_once(url):
    asked = json.loads(do(url, IDLE).splitlines()[-1])
    catalogs = ("sqlite_master", "pg_class", "information_schema")
    assert asked
    assert not [sql for sql in asked if any(name in sql for name in catalogs)]


def test_plan_is_applied_and_taken_back_as_at_a_terminal(url):
    pk, needs_approval, loses = ask(url, "apply")
    assert (needs_approval, loses) == (True, True)
    do(url, "do_one()")
    status, code, output = seen(url, pk, "status", "exit_code", "output")
    assert (status, code) == ("done", 0), output
    assert "Applying shrinking.0002_drop_note" in output
    assert not has_note(url)
    [(reason, outcome)] = rows(url, "SELECT reason, outcome FROM schema_runs WHERE reason IS NOT NULL")
    assert (reason, outcome) == (f"Request {pk} of ada, approved by bob: the release", "done")

    back, _, _ = ask(url, "rollback", "shrinking 0001_rows")
    do(url, "do_one()")
    assert seen(url, back, "status")[0] == "done", seen(url, back, "output")
    assert has_note(url)


def test_taking_back_what_nobody_knows_the_loss_of_needs_another_persons_yes(url):
    assert run(url, "migrate", "slow", apps=APPS)[0] == 0
    pk, needs_approval, loses = ask(url, "rollback", "slow zero")
    assert (needs_approval, loses) == (True, True)
    do(url, "do_one()")
    assert seen(url, pk, "status", "approved_by") == ("done", "bob"), seen(url, pk, "output")
    assert not ask(url, "rollback", "shrinking zero", SCHEMA_GATE="none")[1]


def test_command_that_is_refused_fails_the_request_with_what_it_said(url):
    pk, _, _ = ask(url, "apply")
    # What a person at a terminal does between the look of the worker and its command.
    do(
        url,
        "from config.schema.requests import work\nrow = work.take_request(connection)\n"
        "from config.schema.journal import Request\n"
        "row.digest = '0' * 64\nwork.perform(connection, row)",
    )
    status, code, said, output = seen(url, pk, "status", "exit_code", "said", "output")
    assert (status, code) == ("failed", 4)
    assert "exit code 4 (refused)" in said and "and not the expected one" in output
    assert has_note(url)


def killed_in_the_middle(url: str, *, with_command: bool) -> int:
    """The worker of an apply is killed while the last of its migrations sleeps; the number of the request."""
    slow = {"SLEEP_SECONDS": "8" if with_command else "4", "SCHEMA_LEASE_SECONDS": "1"}
    pk, _, _ = ask(url, "apply", **slow)
    process = worker_of(url, **slow)
    wait_for(lambda: "slow" in (rows(url, "SELECT step FROM schema_claims")[0][0] or ""), "the slow step", 40)
    command = seen(url, pk, "pid")[0]
    os.kill(process.pid, signal.SIGKILL)
    if with_command:
        os.kill(command, signal.SIGKILL)
    process.wait(20)
    return pk


def worker_of(url: str, **environment: str):
    from tests.config.schema.processes import _environment
    from tests.warm import Process

    return Process(["-c", WORK], env=_environment(url, APPS) | {"SCHEMA_GATE": "destructive"} | environment)


def test_command_outlives_a_killed_worker_and_the_next_one_learns_its_end_from_the_journal(url):
    pk = killed_in_the_middle(url, with_command=False)
    wait_for(lambda: do(url, "do_one()") == "" and seen(url, pk, "status")[0] != "running", "the end", 40)
    status, said = seen(url, pk, "status", "said")
    assert (status, "ended well" in said) == ("done", True)
    assert len(rows(url, "SELECT 1 FROM schema_runs WHERE reason IS NOT NULL")) == 1


def test_worker_and_command_killed_in_the_middle_are_told_and_recovered_and_nothing_runs_twice(url):
    pk = killed_in_the_middle(url, with_command=True)
    wait_for(lambda: do(url, "do_one()") == "" and seen(url, pk, "status")[0] != "running", "the end", 40)
    status, code, said = seen(url, pk, "status", "exit_code", "said")
    assert (status, code, "in the middle" in said) == ("failed", 5, True)
    assert rows(url, "SELECT COUNT(*) FROM schema_requests WHERE status = 'queued'") == [(0,)]


SILENT = """
from datetime import timedelta
from django.utils import timezone
from config.schema.journal import Journal, Request
from config.schema.requests.lost import settle_lost
from config.schema.requests.work import take_request

take_request(connection)
rows = Journal(connection).rows(Request).filter(pk={pk})
reported = timezone.now() - timedelta(seconds={ago})
rows.update(pid={pid}, host=__import__("platform").node(), lease_seconds=1, heartbeat_at=reported)
print(settle_lost(connection))
"""


def test_process_that_began_after_the_last_report_is_another_one_of_the_same_number(url):
    pk, _, _ = ask(url, "apply")
    assert do(url, SILENT.format(pk=pk, ago=2, pid=os.getpid())).split()[-1] == "0", "it lives, and was there then"
    assert do(url, SILENT.format(pk=pk, ago=10**6, pid=os.getpid())).split()[-1] == "1"
    assert seen(url, pk, "status", "open_key") == ("failed", None)


def test_every_part_of_the_page_is_read_and_one_that_takes_too_long_is_told(url):
    read = """
from config.schema import overview
found = overview.read_overview(connection)
print(json.dumps([found.state.state.value, {name: part.unread for name, part in found.parts.items() if part.unread}]))
"""
    state, unread = json.loads(do(url, read).splitlines()[-1])
    assert (state, unread) == ("pending", {})

    slow = read.replace("found =", SLOW + "found =", 1)
    state, unread = json.loads(do(url, slow).splitlines()[-1])
    assert list(unread) == ["runs"] and "could not be read within 0.2 s" in unread["runs"]


SLOW = """
from django.db import connection
LONG = {
    "postgresql": "SELECT pg_sleep(20)",
    "mysql": "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
    "information_schema.columns c",
    "sqlite": "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 1e9) SELECT COUNT(*) FROM t",
}
overview.SECONDS = 0.2
overview.PARTS = {"runs": lambda c: c.cursor().execute(LONG[c.vendor]), "probe": overview.last_probe}
"""
