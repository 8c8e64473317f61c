"""A table with rows is partitioned by month and made whole again, while others write to it, and no row is lost."""

import contextlib
import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from config.schema.exits import REFUSED
from config.schema.months import MONTHS_AHEAD, later, month_of
from tests.checkout import ROOT
from tests.config.schema.processes import rows, run, run_sql, start, wait_for
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine
APPS = {"apps": "parted"}
ROWS = 20_000
NOW = datetime.now(UTC).replace(tzinfo=None)
FILLED = {
    "postgresql": "INSERT INTO parted_reading (at, meter, value) SELECT now() - n * interval '5 min', "
    f"n % 10, n FROM generate_series(1, {ROWS}) n",
    "mariadb": "INSERT INTO parted_reading (at, meter, value) SELECT UTC_TIMESTAMP(6) - INTERVAL 5 * seq MINUTE, "
    f"seq % 10, seq FROM seq_1_to_{ROWS}",
    "sqlite": "INSERT INTO parted_reading (at, meter, value) VALUES ('2026-11-01 00:00:00', 1, 1)",
}
PARTS = {
    "postgresql": "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'parted_reading'::regclass",
    "mariadb": "SELECT partition_name FROM information_schema.partitions WHERE table_schema = DATABASE() "
    "AND table_name = 'parted_reading' AND partition_name IS NOT NULL",
}


def migrate(url: str, number: str, **environment: str) -> tuple[int, str]:
    return run(url, "migrate", "parted", number, "--verbosity=0", **APPS, **environment)


@pytest.fixture
def table(engine: str) -> Iterator[str]:
    """The URL of a database with the table, its rows, and no parts."""
    with fresh_database(engine) as url:
        assert migrate(url, "0001")[0] == 0
        run_sql(url, FILLED[engine])
        yield url


def parts(url: str, engine: str) -> list[str]:
    return sorted(name for (name,) in rows(url, PARTS[engine])) if engine in PARTS else []


def shape(url: str, engine: str) -> Any:
    """What anybody sees of the table, apart from rows and their next number; with the name of what gives the number."""
    found = run(url, "schema_dump", **APPS)[1]
    numbers = "SELECT pg_get_serial_sequence('parted_reading', 'id')"
    return found, rows(url, numbers) if engine == "postgresql" else None


class Writers:
    """Two who add rows, change, move and remove their own; what they were told is done has to be there in the end."""

    def __init__(self, url: str, engine: str, *, until: datetime) -> None:
        """`until`: the latest time that a row gets."""
        self.url, self.until = url, until
        self.known = {key: tuple(rest) for key, *rest in self._found()}
        self.longest, self.done, self.failed = 0.0, [0, 0], []
        self._over = threading.Event()
        taken = sorted(self.known)
        self._own = [taken[number::7] for number in (0, 1)]
        self._again = (1205, 1213) if engine == "mariadb" else ()
        self._threads = [threading.Thread(target=self._work, args=[number]) for number in (0, 1)]

    def _found(self) -> list[tuple]:
        return [
            (key, at.replace(tzinfo=None), meter, value)
            for key, at, meter, value in rows(self.url, "SELECT id, at, meter, value FROM parted_reading")
        ]

    def __enter__(self) -> "Writers":
        for each in self._threads:
            each.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join(60)

    def check(self) -> None:
        """Hold the rows against what the writers were told."""
        assert self.failed == []
        found = self._found()
        assert {key: tuple(rest) for key, *rest in found} == self.known
        assert len(found) == len(self.known)

    def go_on(self) -> None:
        """Wait until each has written again."""
        before = list(self.done)
        wait_for(
            lambda: self.failed or all(now > then + 10 for now, then in zip(self.done, before, strict=True)),
            "the writers",
        )
        assert self.failed == []

    def _work(self, number: int) -> None:
        lots, own = random.Random(f"{number} of {len(self.known)}"), self._own[number]
        try:
            with contextlib.closing(connect(self.url)) as connection:
                cursor = connection.cursor()
                if connection.__class__.__module__.startswith("psycopg"):
                    cursor.execute("SET timezone = 'UTC'")
                while not self._over.is_set():
                    self._write(cursor, lots, own)
                    self.done[number] += 1
                    # A third one, which changes the schema, has to get its turn on two processors.
                    time.sleep(0.001)
        except BaseException as error:
            self.failed.append(error)

    def _write(self, cursor: Any, lots: random.Random, own: list[int]) -> None:
        what = lots.choice(("add", "add", "change", "move", "remove"))
        at = (self.until - timedelta(minutes=lots.randrange(300_000))).replace(microsecond=lots.randrange(10**6))
        value = lots.randrange(10**6)
        if what == "add":
            said = "INSERT INTO parted_reading (at, meter, value) VALUES (%s, 7, %s) RETURNING id"
            key = self._say(cursor, said, at, value)
            assert key not in self.known, "a number was given twice"
            self.known[key] = (at, 7, value)
            own.append(key)
            return
        key = own.pop(lots.randrange(len(own)))
        if what == "remove":
            self._say(cursor, "DELETE FROM parted_reading WHERE id = %s", key)
            del self.known[key]
            return
        old = self.known[key]
        if what == "change":
            self._say(cursor, "UPDATE parted_reading SET value = %s WHERE id = %s", value, key)
            self.known[key] = (*old[:2], value)
        else:
            self._say(cursor, "UPDATE parted_reading SET at = %s WHERE id = %s", at, key)
            self.known[key] = (at, *old[1:])
        own.append(key)

    def _say(self, cursor: Any, said: str, *values: Any) -> Any:
        while True:
            began = time.monotonic()
            try:
                cursor.execute(said, values)
                answer = cursor.fetchone()[0] if "RETURNING" in said else None
            except Exception as error:
                # The tool that copies and a writer may meet; the writer is told to say it again.
                if error.args[0] not in self._again:
                    raise
            else:
                assert cursor.rowcount == 1, f"{said} of {values} found no row"
                return answer
            finally:
                self.longest = max(self.longest, time.monotonic() - began)


def test_it_is_partitioned_and_made_whole_again_while_others_write_and_no_row_is_lost(
    engine: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shape(table, engine)
    if engine == "sqlite":
        assert (migrate(table, "0002")[0], shape(table, engine)) == (0, before)
        assert (migrate(table, "0001")[0], shape(table, engine)) == (0, before)
        return
    longest = []
    for number, until in (("0002", NOW + timedelta(days=25)), ("0001", NOW + timedelta(days=150))):
        with Writers(table, engine, until=until) as writers:
            began = time.monotonic()
            code, told = migrate(table, number)
            assert code == 0, told
            longest.append(f"{number}: {time.monotonic() - began:.1f} s, longest wait {writers.longest:.2f} s")
            writers.go_on()
        writers.check()
        if number == "0002":
            assert len(parts(table, engine)) > 3
            with Writers(table, engine, until=NOW + timedelta(days=150)) as in_later_months:
                in_later_months.go_on()
            in_later_months.check()
    with capsys.disabled():
        print(f"\n{engine}: {'; '.join(longest)}")
    assert parts(table, engine) == []
    assert shape(table, engine) == before


def test_killed_in_the_middle_the_next_migrate_goes_on(engine: str, table: str) -> None:
    if engine == "sqlite":
        return
    before = shape(table, engine)
    lots = random.Random(7)
    with Writers(table, engine, until=NOW + timedelta(days=25)) as writers:
        for number in ("0002", "0001"):
            process = start(table, "migrate", "parted", number, "--verbosity=0", **APPS)
            begun = "SELECT 1 FROM schema_operations o JOIN schema_steps s ON s.id = o.step_id WHERE s.ended_at IS NULL"
            wait_for(lambda query=begun: rows(table, query), "the operation to begin")
            time.sleep(lots.uniform(0, 0.5))
            process.kill()
            process.communicate(timeout=60)
            code, told = migrate(table, number)
            assert code == 0, told
            assert process.returncode in (0, -signal.SIGKILL)
            assert bool(parts(table, engine)) is (number == "0002")
    writers.check()
    assert shape(table, engine) == before


def test_models_and_catalogue_agree_and_the_plan_says_what_it_costs(engine: str, table: str) -> None:
    planned = json.loads(run(table, "schema_plan", "--format=json", **APPS)[1])
    [step] = planned["migrations"][-1]["steps"]
    assert (step["blocking"], step["loss"]["kind"]) == ("no", "none"), step
    assert "partition" in step["description"].lower()
    assert run(table, "schema_check", **APPS)[0] == 0
    assert migrate(table, "0002")[0] == 0
    assert run(table, "schema_drift", **APPS)[1] == "No difference.\n"
    assert run(table, "makemigrations", "--check", "--dry-run", **APPS)[0] == 0


def test_a_query_of_one_month_reads_its_part_alone(engine: str, table: str) -> None:
    if engine == "sqlite":
        return
    assert migrate(table, "0002")[0] == 0
    month = later(month_of(NOW), 2)
    explained = rows(
        table,
        f"EXPLAIN {'PARTITIONS ' if engine == 'mariadb' else ''}SELECT * FROM parted_reading "
        f"WHERE at >= '{month:%Y-%m-%d}' AND at < '{month:%Y-%m}-08'",
    )
    read = {name for name in parts(table, engine) if name in repr(explained)}
    assert read == {f"{'p' if engine == 'mariadb' else 'parted_reading_'}{month:%Y_%m}"}, explained


def refused(url: str, number: str = "0002", **environment: str) -> str:
    code, told = migrate(url, number, **environment)
    assert code == REFUSED, told
    return told


IN_THE_WAY = {
    "foreign keys lead from or to it": (
        "CREATE TABLE child (id bigint PRIMARY KEY, reading_id bigint REFERENCES parted_reading (id))",
        "DROP TABLE child",
    ),
    "it has what is unique without the column of the month": (
        "ALTER TABLE parted_reading ADD CONSTRAINT once UNIQUE (meter, id)",
        "ALTER TABLE parted_reading DROP CONSTRAINT once",
    ),
    "a view shows it": ("CREATE VIEW seen AS SELECT * FROM parted_reading", "DROP VIEW seen"),
}


def test_what_no_partitioned_table_can_have_is_refused_before_anything_is_changed(engine: str, table: str) -> None:
    if engine == "sqlite":
        return
    before = shape(table, engine)
    for words, (there, gone) in IN_THE_WAY.items():
        if engine == "mariadb" and "view" in words:
            continue  # A view of MariaDB finds its table by name.
        run_sql(table, there)
        assert words in refused(table)
        run_sql(table, gone)
    assert shape(table, engine) == before
    assert migrate(table, "0002")[0] == 0


def test_without_the_tool_mariadb_refuses_and_an_empty_table_needs_none(engine: str, table: str) -> None:
    if engine != "mariadb":
        return
    assert "percona-toolkit" in refused(table, PATH="")
    run_sql(table, "DELETE FROM parted_reading")
    assert migrate(table, "0002", PATH="")[0] == 0
    assert migrate(table, "0001", PATH="")[0] == 0


def test_rights_owner_comment_and_numbers_go_along(engine: str, table: str) -> None:
    if engine != "postgresql":
        return
    run_sql(
        table,
        "GRANT SELECT, INSERT ON parted_reading TO PUBLIC",
        "GRANT UPDATE (value) ON parted_reading TO PUBLIC",
        "GRANT USAGE ON SEQUENCE parted_reading_id_seq TO PUBLIC",
        "ALTER TABLE parted_reading ALTER id SET GENERATED ALWAYS SET INCREMENT 3 SET CACHE 5",
    )
    held = (
        "SELECT relname, relowner, relacl::text, (SELECT string_agg(attname || attacl::text, ',') FROM pg_attribute "
        "WHERE attrelid = c.oid) FROM pg_class c WHERE relname IN ('parted_reading', 'parted_reading_id_seq') "
        "ORDER BY 1"
    )
    next_one = "INSERT INTO parted_reading (at, meter) VALUES (now(), 1) RETURNING id"
    before, shown, [(last,)] = rows(table, held), shape(table, engine), rows(table, next_one)
    for number in ("0002", "0001"):
        assert migrate(table, number)[0] == 0
        assert rows(table, held) == before
        [(key,)] = rows(table, next_one)
        assert key > last and (key - last) % 3 == 0
        last = key
    assert shape(table, engine) == shown


ONCE = "ALTER TABLE parted_reading ADD CONSTRAINT once UNIQUE (meter, value, at)"


def test_beside_something_unique_the_way_back_of_postgresql_needs_a_window(engine: str, table: str) -> None:
    if engine != "postgresql":
        return
    run_sql(table, ONCE)
    before = shape(table, engine)
    assert migrate(table, "0002")[0] == 0
    far = f"INSERT INTO parted_reading (at, meter) VALUES ('{NOW + timedelta(days=100)}', 1)"
    run_sql(table, far)
    assert "has something unique beside its key (once)" in refused(table, "0001")
    with pytest.raises(Exception, match="duplicate key"):
        run_sql(table, far)
    assert migrate(table, "0001", PARTED="blocking")[0] == 0
    assert (shape(table, engine), parts(table, engine)) == (before, [])
    assert rows(table, "SELECT count(*) FROM parted_reading") == [(ROWS + 1,)]


def test_a_key_that_two_rows_have_by_then_is_named_before_anything_is_changed(engine: str, table: str) -> None:
    if engine == "sqlite":
        return
    assert migrate(table, "0002")[0] == 0
    run_sql(table, f"INSERT INTO parted_reading (id, at, meter) VALUES (7, '{NOW + timedelta(days=100)}', 1)")
    before = parts(table, engine)
    assert "1 value of parted_reading (id) stand in more than one row" in refused(table, "0001")
    assert parts(table, engine) == before
    run_sql(table, "DELETE FROM parted_reading WHERE id = 7 AND meter = 1 AND value = 0")
    assert migrate(table, "0001")[0] == 0


def test_the_example_of_the_page_is_what_is_run_here() -> None:
    text = (ROOT / "docs" / "retention.md").read_text()
    said: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], said)
    ours = import_module("tests.awkward.parted.migrations.0002_months").Migration
    for migration in (said["Migration"], ours):
        assert (migration.atomic, migration.dependencies) == (False, [("parted", "0001_readings")])
    assert [each.deconstruct() for each in said["Migration"].operations] == [
        each.deconstruct() for each in ours.operations
    ]


def retained(url: str, days: int) -> list[tuple[str, str]]:
    told = run(url, "apply_retention", "--apply", "--format=json", **APPS, RETENTION_READINGS_DAYS=str(days))
    assert told[0] == 0, told
    return [(each["what"], each["subject"]) for each in json.loads(told[1].splitlines()[0])["steps"]]


def test_months_are_then_made_ahead_and_dropped_as_those_of_any_table(engine: str, table: str) -> None:
    if engine == "sqlite":
        return
    assert migrate(table, "0002")[0] == 0
    kept = month_of(NOW - timedelta(days=30)).replace(tzinfo=None)
    young = rows(table, f"SELECT count(*) FROM parted_reading WHERE at >= '{kept}'")
    assert retained(table, 0) == []
    gone = "DROP TABLE parted_reading_{}" if engine == "postgresql" else "ALTER TABLE parted_reading DROP PARTITION p{}"
    last = later(month_of(NOW), MONTHS_AHEAD)
    run_sql(table, gone.format(f"{last:%Y_%m}"))
    done = retained(table, 30)
    assert done[0] == ("make", f"{last:%Y-%m}")
    assert {what for what, _ in done[1:]} == {"delete" if engine == "postgresql" else "drop"}
    assert rows(table, "SELECT count(*) FROM parted_reading") == young
    assert retained(table, 30) == []
    # As if a quarter had gone by.
    assert ("drop", f"{later(month_of(NOW), 1):%Y-%m}") in retained(table, -95)
    assert rows(table, "SELECT count(*) FROM parted_reading") == [(0,)]
