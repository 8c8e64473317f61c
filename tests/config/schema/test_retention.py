"""What is no longer kept: months are made ahead and dropped, rows are deleted, and those who write go on meanwhile."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections

from config.schema.dialects import dialect
from config.schema.exits import LOCKED, UNREACHABLE, Refused
from config.schema.keeping import database_now, rules
from config.schema.monthly import MONTHS_AHEAD, Monthly
from config.schema.operations.partitions import month_bounds
from config.schema.waits import Waits
from tests.config.schema.live import connected, execute
from tests.config.schema.manage import manage, run_manage
from tests.config.schema.processes import wait_for
from tests.engines import connect, fresh_database
from tests.warm import completed

pytestmark = pytest.mark.every_engine
NOW = datetime.now(UTC)


def month(number: int, day: int = 1) -> datetime:
    """A day of the month that is so many months from now."""
    years, months = divmod(NOW.month - 1 + number, 12)
    return datetime(NOW.year + years, months + 1, day, 0, 0, tzinfo=UTC)


def name(number: int) -> str:
    return f"{month(number):%Y-%m}"


@pytest.fixture(scope="module")
def migrated_here(engine: str, django_db_blocker: Any) -> Iterator[tuple[str, Any]]:
    with django_db_blocker.unblock(), fresh_database(engine) as url:
        manage(url, "migrate", "--verbosity=0")
        with connected(url) as connection:
            ordinary: Any = connections["default"]
            connections["default"] = connection
            try:
                yield url, connection
            finally:
                connections["default"] = ordinary


@pytest.fixture
def database(migrated_here: tuple[str, Any]) -> tuple[str, Any]:
    """A migrated database, by its URL and as a connection, with the months ahead and no row in host_metrics."""
    url, connection = migrated_here
    execute(connection, "DELETE FROM host_metrics")
    only_months(connection, 0, 3)
    return url, connection


def measure(connection: Any, *times: datetime) -> None:
    for at in times:
        said = at.replace(tzinfo=None).isoformat(sep=" ")
        execute(connection, "INSERT INTO host_metrics (at, host_id) VALUES (%s, 1)", said)


def measured(connection: Any) -> int:
    return int(execute(connection, "SELECT COUNT(*) FROM host_metrics")[0][0])


def parts(connection: Any) -> dict[str, int]:
    """How many rows each part of host_metrics has, by its name without what all have in front."""
    native = dialect(connection).partitions
    if native is None:
        return {}
    found = native.parts(connection, "host_metrics", "at")
    return {
        part.name.removeprefix("host_metrics_").removeprefix("p").lstrip("_"): execute(
            connection, f"SELECT COUNT(*) FROM {native.source(connection, 'host_metrics', part)}"
        )[0][0]
        for part in found
    }


def steps(url: str, *arguments: str, **environment: str) -> list[tuple[str, str, str, int]]:
    done = run_manage("apply_retention", "--format=json", *arguments, DATABASE_URL=url, **environment)
    assert done.returncode == 0, done.stderr
    return [(each["what"], each["table"], each["subject"], each["rows"]) for each in json.loads(done.stdout)["steps"]]


def only_months(connection: Any, first: int, last: int) -> None:
    """Leave host_metrics, which is empty, as if these months alone, counted from now, had ever been made."""
    native = dialect(connection).partitions
    if native is None:
        return
    waits = Waits(connection, limit=10)
    *months, rest = native.parts(connection, "host_metrics", "at")
    for part in months:
        native.drop(connection, waits, "host_metrics", part)
    native.make(connection, waits, "host_metrics", "at", list(month_bounds(name(first), last - first + 1)), rest)


def test_months_ahead_are_made_and_the_rows_of_the_rest_move_into_them(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    if engine == "sqlite":
        assert steps(url, "--apply") == []
        return
    only_months(connection, 0, 0)
    times = [month(1), month(2) - timedelta(microseconds=1), month(3, 28), month(MONTHS_AHEAD + 2)]
    measure(connection, *times)
    assert parts(connection)["other"] == 4
    rows = execute(connection, "SELECT * FROM host_metrics ORDER BY id")
    expected = [("make", "host_metrics", name(number), moved) for number, moved in ((1, 2), (2, 0), (3, 1))]
    assert steps(url) == expected
    assert parts(connection)["other"] == 4, "a dry run does nothing"
    assert steps(url, "--apply") == expected
    assert steps(url, "--apply") == []
    after = parts(connection)
    assert after["other"] == 1, "a row of a month that is far ahead stays where it is"
    assert [after[f"{month(number):%Y_%m}"] for number in (1, 2, 3)] == [2, 0, 1]
    assert execute(connection, "SELECT * FROM host_metrics ORDER BY id") == rows
    assert manage(url, "schema_drift") == "No difference.\n"


def test_the_copy_that_an_attempt_has_left_is_in_nobodys_way(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    only_months(connection, 0, 0)
    measure(connection, month(1))
    if engine == "mariadb":
        execute(connection, "CREATE TABLE `#mysql50#host_metrics#P#p_other#TMP#` (id BIGINT PRIMARY KEY)")
    made = [] if engine == "sqlite" else [("make", "host_metrics", name(number)) for number in (1, 2, 3)]
    assert [each[:3] for each in steps(url, "--apply") if each[0] == "make"] == made
    assert steps(url, "--apply") == []
    assert measured(connection) == 1


def test_months_that_are_past_are_dropped_and_none_that_holds_a_row_still_kept(
    engine: str, database: tuple[str, Any]
) -> None:
    url, connection = database
    only_months(connection, -4, 3)
    kept = (NOW - month(-2)).days
    measure(connection, month(-4), month(-3, 27), month(-2), month(-1), month(0))
    told = steps(url, RETENTION_METRICS_DAYS=str(kept))
    assert steps(url, "--apply", RETENTION_METRICS_DAYS=str(kept)) == told
    gone = [each for each in told if each[0] != "make" and each[1] == "host_metrics"]
    if engine == "sqlite":
        assert gone == [("delete", "host_metrics", f"rows from before {name(-2)}", 2)]
    else:
        assert gone == [("drop", "host_metrics", name(-4), 1), ("drop", "host_metrics", name(-3), 1)]
    assert measured(connection) == 3
    assert steps(url, "--apply", RETENTION_METRICS_DAYS=str(kept)) == []
    assert manage(url, "schema_drift") == "No difference.\n"


def test_old_rows_in_the_rest_are_deleted_and_younger_ones_get_their_month(
    engine: str, database: tuple[str, Any]
) -> None:
    url, connection = database
    only_months(connection, 0, 3)
    measure(connection, month(-9), month(-8), month(-1))
    told = [each for each in steps(url, "--apply", RETENTION_METRICS_DAYS="62") if each[1] == "host_metrics"]
    if engine == "mariadb":
        assert told == [], "there, all that is older lies in the first month, and goes with it"
    elif engine == "sqlite":
        assert [(what, rows) for what, _, _, rows in told] == [("delete", 2)]
    else:
        assert [(what, rows) for what, _, _, rows in told] == [("make", 1), ("delete", 2)]
    assert measured(connection) == (3 if engine == "mariadb" else 1)


def test_what_the_worker_found_long_ago_is_deleted(database: tuple[str, Any]) -> None:
    url, connection = database
    release = connection.ops.quote_name("release")
    execute(connection, "DELETE FROM schema_probes")
    for at in (month(-9), month(-8), month(0)):
        said = at.replace(tzinfo=None).isoformat(sep=" ")
        execute(
            connection,
            f"INSERT INTO schema_probes (state, faults, {release}, host, milliseconds, first_at, last_at)"
            " VALUES ('ready', '[]', '1.0', 'web-1', 1, %s, %s)",
            said,
            said,
        )
    only_months(connection, 0, 3)
    [(what, table, _, rows)] = steps(url, "--apply")
    assert (what, table, rows) == ("delete", "schema_probes", 2)
    assert execute(connection, "SELECT COUNT(*) FROM schema_probes") == [(1,)]


def test_nothing_is_dropped_where_rows_are_kept_for_ever(database: tuple[str, Any]) -> None:
    url, connection = database
    measure(connection, datetime(1971, 1, 1, tzinfo=UTC))
    told = steps(url, "--apply", RETENTION_METRICS_DAYS="0", RETENTION_EVENTS_DAYS="0")
    assert {what for what, *_ in told} <= {"make"}
    assert measured(connection) == 1


@contextlib.contextmanager
def writing(url: str, times: list[datetime]) -> Iterator[list[int]]:
    """Within it a session adds a row of each time, again and again; it yields how many, and the longest wait in ms."""
    done, over, errors = [0, 0], threading.Event(), []
    said = [at.replace(tzinfo=None).isoformat(sep=" ") for at in times]

    def write() -> None:
        try:
            with contextlib.closing(connect(url)) as connection:
                cursor = connection.cursor()
                while not over.is_set():
                    began = datetime.now(UTC)
                    at = said[done[0] % len(said)]
                    cursor.execute(f"INSERT INTO host_metrics (at, host_id) VALUES ('{at}', 1)")
                    done[0] += 1
                    done[1] = max(done[1], (datetime.now(UTC) - began) // timedelta(milliseconds=1))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join(60)
    assert errors == []


def test_who_writes_meanwhile_loses_no_row_and_is_not_refused(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    only_months(connection, 0, 0)
    before = [month(number) for number in (0, 1, 2, 3, 8)] * 20
    measure(connection, *before)
    with writing(url, [month(number) for number in (0, 1, 2, 3, 8)]) as done:
        wait_for(lambda: done[0] > 20, "the writer")
        told = steps(url, "--apply")
        count = done[0]
        wait_for(lambda: done[0] > count + 5, "the writer, again")
    assert measured(connection) == len(before) + done[0]
    assert len(set(execute(connection, "SELECT id FROM host_metrics"))) == len(before) + done[0]
    if engine != "sqlite":
        assert [what for what, table, *_ in told if table == "host_metrics"] == ["make"] * 3
        assert parts(connection)["other"] > 0
        assert parts(connection)[f"{month(1):%Y_%m}"] > 20


def test_a_month_that_somebody_has_taken_out_of_the_table_meanwhile_is_not_dropped(
    engine: str, database: tuple[str, Any]
) -> None:
    url, connection = database
    if engine != "postgresql":
        return  # No part is a table of its own there.
    only_months(connection, -1, 0)
    measure(connection, month(-1))
    native = dialect(connection).partitions
    [old, *_] = native.parts(connection, "host_metrics", "at")
    with contextlib.closing(connect(url)) as other:
        other.execute(f'ALTER TABLE host_metrics DETACH PARTITION "{old.name}"')
        try:
            with pytest.raises(Refused, match="is no part of host_metrics any more"):
                native.drop(connection, Waits(connection, limit=1), "host_metrics", old)
            assert other.execute(f'SELECT COUNT(*) FROM "{old.name}"').fetchone() == (1,)
            bounds = f"FROM ('{month(-2):%Y-%m-%d} 00:00+00') TO ('{month(0):%Y-%m-%d} 00:00+00')"
            other.execute(f'ALTER TABLE host_metrics ATTACH PARTITION "{old.name}" FOR VALUES {bounds}')
            with pytest.raises(Refused, match="not of the same time"):
                native.drop(connection, Waits(connection, limit=1), "host_metrics", old)
        finally:
            other.execute(f'DROP TABLE "{old.name}"')


def test_the_month_that_is_dropped_is_the_one_of_its_own_schema(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    if engine != "postgresql":
        return  # There a database has no schemas.
    only_months(connection, -4, 0)
    measure(connection, month(-4), month(-2))
    old = f"host_metrics_{month(-4):%Y_%m}"
    with contextlib.closing(connect(url)) as other:
        other.execute("CREATE SCHEMA archive")
        try:
            other.execute(f'ALTER TABLE "{old}" SET SCHEMA archive')
            other.execute(f'CREATE TABLE "{old}" AS SELECT 7 AS theirs')
            told = steps(url, "--apply", RETENTION_METRICS_DAYS=str((NOW - month(-2)).days))
            assert ("drop", "host_metrics", name(-4), 1) in told
            assert other.execute(f'SELECT theirs FROM "{old}"').fetchall() == [(7,)]
            assert other.execute("SELECT to_regclass(%s)", [f'archive."{old}"']).fetchone() == (None,)
        finally:
            other.execute("DROP SCHEMA archive CASCADE")
            other.execute(f'DROP TABLE IF EXISTS "{old}"')


def test_two_at_once_do_each_thing_once(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    only_months(connection, 0, 0)
    measure(connection, month(-30), month(2))
    told: list[Any] = []
    threads = [threading.Thread(target=lambda: told.append(steps(url, "--apply"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(told) == 3
    done = [step for each in told for step in each]
    assert len(done) == len(set(done))
    assert steps(url) == []


def test_a_month_in_use_is_waited_for_within_the_limit_and_its_user_is_named(
    engine: str, database: tuple[str, Any]
) -> None:
    url, connection = database
    if engine == "sqlite":
        return  # Nobody who reads is in the way there.
    only_months(connection, 0, 0)
    with contextlib.closing(connect(url)) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT COUNT(*) FROM host_metrics")
        cursor.fetchall()
        done = run_manage("apply_retention", "--apply", "--lock-timeout=1", DATABASE_URL=url)
        assert done.returncode == LOCKED, done.stderr
        assert f"To make {name(1)} of host_metrics did not get" in done.stderr
        assert "session" in done.stderr
        # It stands in nobody's way while it waits and after it.
        with writing(url, [month(0), month(1)]) as written:
            wait_for(lambda: written[0] > 5, "the writer")
        cursor.execute("ROLLBACK")
    assert [what for what, *_ in steps(url, "--apply")][:3] == ["make"] * 3


KILLED = """
import os, re, signal, django
django.setup()
from django.core.management import call_command
from django.db import connection
left = int(os.environ["KILL_AFTER"])
def kill(execute, sql, params, many, context):
    global left
    answer = execute(sql, params, many, context)
    if "host_metrics" in sql and not re.match(r"\\s*(SELECT|LOCK|UPDATE|INSERT)", sql):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer
with connection.execute_wrapper(kill):
    call_command("apply_retention", apply=True)
"""
"""Dies after so many of the statements that change the table, before anything is committed that they did not commit."""


def test_killed_after_any_statement_it_is_finished_by_the_next_run(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    ours = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "RETENTION_METRICS_DAYS": "62"}
    kills = 0
    while True:
        execute(connection, "DELETE FROM host_metrics")
        only_months(connection, -5, 1)
        measure(connection, month(-5), month(-1), month(2), month(3))
        done = completed(["-c", KILLED], env=os.environ | ours | {"KILL_AFTER": str(kills + 1)}, timeout=120)
        steps(url, "--apply", RETENTION_METRICS_DAYS="62")
        assert measured(connection) == 3
        if engine != "sqlite":
            left = {f"{month(number):%Y_%m}": int(number in (-1, 2, 3)) for number in range(-2, 4)}
            assert {label: rows for label, rows in parts(connection).items() if rows or label in left} == left
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills == {"sqlite": 1, "postgresql": 12, "mariadb": 5}[engine]


def test_a_database_that_does_not_answer_is_unknown_and_a_table_that_is_not_there_is_told(engine: str) -> None:
    with fresh_database(engine) as url:
        if engine != "sqlite":
            done = run_manage("apply_retention", DATABASE_URL=url)
            assert "There is no table schema_probes: run migrate first." in done.stderr
    assert run_manage("apply_retention", DATABASE_URL=url).returncode == UNREACHABLE


def test_an_event_of_a_made_month_is_held_to_the_rules_of_the_table(engine: str, database: tuple[str, Any]) -> None:
    url, connection = database
    only_months(connection, 0, 0)
    manage(url, "apply_retention", "--apply")
    said = month(2).replace(tzinfo=None).isoformat(sep=" ")
    with pytest.raises(IntegrityError):
        execute(connection, "INSERT INTO host_metrics (at, host_id) VALUES (%s, 0)", said)


def test_the_present_is_that_of_the_database(database: tuple[str, Any]) -> None:
    assert abs(database_now(database[1]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_rule_names_its_table_its_column_and_its_setting() -> None:
    found = {(rule.model, rule.by, rule.setting) for rule in rules() if isinstance(rule, Monthly)}
    assert found == {
        ("inventory.HostMetric", "at", "RETENTION_METRICS_DAYS"),
        ("inventory.VMMetric", "at", "RETENTION_METRICS_DAYS"),
        ("jobs.JobEvent", "at", "RETENTION_EVENTS_DAYS"),
        ("replication.ReplicationSlot", "slot_at", "RETENTION_EVENTS_DAYS"),
        ("backups.BackupSlot", "slot_at", "RETENTION_EVENTS_DAYS"),
        ("schema.Probe", "last_at", "RETENTION_PROBES_DAYS"),
    }
