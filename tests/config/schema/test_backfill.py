"""A backfill fills every row once, whatever happens to the process that runs it, and lets others write meanwhile."""

import contextlib
import functools
import json
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine
KILLED = -signal.SIGKILL
SLOW = {"apps": "filled", "FILLED": "code", "ROWS": "6000", "BATCH_SECONDS": "0.05", "BATCH_SLEEP": "0.05"}
"""Some dozens of batches, of which each takes a while."""


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def migrate(url: str, target: str = "0002", **environment: str) -> tuple[int, str]:
    return run(url, "migrate", "filled", target, **{"apps": "filled"} | environment)


def command(url: str, *arguments: str) -> tuple[int, str]:
    return run(url, "schema_backfill", *arguments, apps="filled")


def place(url: str) -> tuple:
    """Rows gone through, and whether it has ended."""
    found = rows(url, "SELECT seen_in_all, ended_at IS NOT NULL FROM schema_backfills ORDER BY id DESC")
    return found[0] if found else (0, False)


@pytest.mark.parametrize("key", ["number", "uuid", "text", "pair"])
@pytest.mark.parametrize("what", ["copy", "increment", "code"])
def test_all_rows_are_filled_and_taken_back_whatever_their_key_is(key, what, url):
    words = {"KEY": key, "FILLED": what, "ROWS": "4500", "BATCH_SECONDS": "0.001"}
    code, printed = migrate(url, **words)
    assert code == 0, printed
    expected = {"copy": (4500, 1, 0, 0), "increment": (0, None, 1, 1), "code": (4500, 2, 0, 0)}[what]
    query = "SELECT COUNT(new), MIN(new), MIN(times), MAX(times) FROM filled_row"
    assert rows(url, query) == [expected]
    [(batches, filled, seen)] = rows(url, "SELECT batches, filled, seen FROM schema_backfills")
    assert (batches > 3, filled, seen) == (True, 4500, 4500)

    code, printed = migrate(url, "0001", **words)
    assert code == 0, printed
    back = expected if what == "code" else (0, None, 0, 0)
    assert rows(url, query) == [back]


def test_killed_at_any_moment_it_fills_each_row_once(url):
    words = SLOW | {"FILLED": "count", "BATCH_SLEEP": "0"}
    assert migrate(url, "0001", **words)[0] == 0
    lots, kills = random.Random(), 0
    for _ in range(5):
        came, process = place(url)[0], start(url, "migrate", "filled", "0002", **words | {"BATCH_SLEEP": "0.15"})
        wait_for(functools.partial(has_come_further, url, came), "a batch")
        time.sleep(lots.uniform(0, 0.2))
        process.kill()
        process.communicate(timeout=LIMIT)
        kills += process.returncode == KILLED
    assert kills >= 3
    assert migrate(url, **words)[0] == 0
    assert rows(url, "SELECT MIN(times), MAX(times), COUNT(*) FROM filled_row") == [(1, 1, 6000)]
    assert rows(url, "SELECT filled, seen FROM schema_backfills") == [(6000, 6000)]


def has_come_further(url: str, came: int) -> bool:
    seen, has_ended = place(url)
    return seen > came or has_ended


def test_a_person_pauses_it_from_another_process_and_lets_it_go_on(url):
    process = start(url, "migrate", "filled", "0002", **SLOW | {"BATCH_SLEEP": "0.3"})
    wait_for(lambda: place(url)[0] > 0, "a batch")
    code, printed = command(url, "--pause", "row.new")
    assert (code, "is paused; a run that fills ends within one batch" in printed) == (0, True), printed
    printed = "".join(process.communicate(timeout=LIMIT))
    assert process.returncode == 5, printed
    assert "rows filled" in printed and "paused by" in printed and "schema_backfill --resume 1, then migrate" in printed
    came = place(url)[0]
    assert 0 < came < int(SLOW["ROWS"])
    assert rows(url, "SELECT outcome FROM schema_runs ORDER BY id DESC")[0] == ("paused",)

    code, printed = run(url, "schema_status", "--format", "json", apps="filled", **without_apps(SLOW))
    found = json.loads(printed)
    assert (code, found["state"]) == (5, "paused")
    assert [issue["recommendation"] for issue in found["issues"] if issue["id"] == "paused"] == [
        "Say schema_backfill --resume 1, then migrate, which goes on where it stopped."
    ]
    assert (found["holder"], found["filling"]) == (None, ["filled.0002_fill"])

    assert migrate(url, **SLOW)[0] == 5
    assert place(url)[0] == came
    code, printed = run(url, "schema_recover", "--apply", **SLOW)
    assert (code, "schema_backfill --resume 1" in printed) == (5, True), printed

    code, printed = migrate(url, **SLOW | {"FILLED": "copy"})
    assert (code, "was edited after it was interrupted" in printed) == (5, True), printed

    code, printed = command(url, "--resume", "1", "--format", "json")
    assert (code, json.loads(printed)["state"]) == (0, "unfinished")
    assert migrate(url, **SLOW)[0] == 0
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new = old * 2") == [(6000,)]
    code, printed = command(url, "--pause", "1")
    assert (code, "has ended, so nothing was changed" in printed) == (4, True)
    code, printed = command(url, "--format", "json")
    [told] = json.loads(printed)
    assert (code, told["state"], told["fraction"], told["rows_filled"]) == (0, "verified", 1.0, 6000)


def without_apps(words: dict) -> dict:
    return {key: value for key, value in words.items() if key != "apps"}


def test_what_others_write_meanwhile_is_not_overwritten_and_what_they_add_behind_it_is_filled(url, engine):
    words = {"KEY": "uuid", "FILLED": "copy", "ROWS": "20000", "BATCH_SECONDS": "0.001"}
    assert migrate(url, "0001", **words)[0] == 0
    process = start(url, "migrate", "filled", "0002", apps="filled", **words)
    stop, written, errors = threading.Event(), [], []

    def write() -> None:
        with contextlib.closing(connect(url)) as connection:
            cursor = connection.cursor()
            for number in range(20_001, 10**6):
                if stop.is_set():
                    return
                mark = "?" if engine == "sqlite" else "%s"
                key = f"{number * 2654435761 % 16**8:08x}-0000-4000-8000-{number:012x}"
                key = key.replace("-", "") if engine == "sqlite" else key
                try:
                    # A released row keeps what its writer gave it; one of the old release comes without a value.
                    new = -1 if number % 2 else None
                    cursor.execute(
                        f"INSERT INTO filled_row (id, old, new, times) VALUES ({mark}, {mark}, {mark}, 0)",
                        (key, number, new),
                    )
                    written.append(number)
                except Exception as error:
                    errors.append(error)
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: place(url)[0] > 10_000 or process.poll() is not None, "half of the table")
    finally:
        stop.set()
        writer.join(LIMIT)
    assert process.wait(LIMIT) == 0, process.communicate()
    assert errors == []
    assert written
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new IS NULL") == [(0,)]
    odd = sum(number % 2 for number in written)
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new = -1") == [(odd,)]
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new <> old AND new <> -1") == [(0,)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"FILLED": "copy", "FILL_ATOMIC": "1"}, "Say atomic = False in the class of the migration"),
        ({"FILLED": "never"}, "leaves 100 of 100 rows matching its condition as before"),
        ({"FILLED": "partly"}, "leaves 10 of 100 rows matching its condition as before"),
        ({"FILLED": "some twice"}, "this batch was not changed. Give a condition that a filled row no longer matches"),
        ({"FILLED": "after"}, "See that all rows of Row are filled: 100 are not."),
        ({"FILLED": "joined"}, "its where joins other tables"),
        ({"FILLED": "strange"}, "renewed is no column of this model's own table"),
    ],
)
def test_what_cannot_end_well_is_refused_in_a_sentence(words, told, url):
    code, printed = migrate(url, **words)
    assert (code, told in printed, "Traceback" in printed) == (4, True, False), printed
    if words["FILLED"] in ("never", "partly", "some twice"):
        assert rows(url, "SELECT batches FROM schema_backfills") == [(0,)]
        assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new IS NOT NULL OR times > 0") == [(0,)]


def test_a_table_without_a_usable_key_is_refused(url, engine):
    assert migrate(url, "0001")[0] == 0
    with contextlib.closing(connect(url)) as connection:
        for statement in (
            "ALTER TABLE filled_row RENAME TO filled_other",
            "CREATE TABLE filled_row AS SELECT * FROM filled_other",
        ):
            connection.cursor().execute(statement)
    code, printed = migrate(url)
    assert (code, "no primary key or index of the table begins with id" in printed) == (4, True), printed


def test_the_next_step_refuses_while_rows_are_unfilled_whatever_was_recorded(url):
    assert migrate(url)[0] == 0
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute("UPDATE filled_row SET new = NULL WHERE id = 7")
    code, printed = migrate(url, "0003")
    assert (code, "See that all rows of Row are filled: 1 are not." in printed) == (4, True), printed
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute("UPDATE filled_row SET new = 7 WHERE id = 7")
    assert migrate(url, "0003")[0] == 0


def test_a_batch_that_meets_a_lock_waits_in_limits_and_names_who_has_it(url, engine):
    if engine == "sqlite":
        assert migrate(url)[0] == 0
        return
    assert migrate(url, "0001")[0] == 0
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE filled_row SET old = old WHERE id = 50")
        began = time.monotonic()
        code, printed = migrate(url)
        assert (code, "did not get the lock of UPDATE" in printed) == (3, True), printed
        assert time.monotonic() - began < 60
        cursor.execute("ROLLBACK")
    assert migrate(url)[0] == 0
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new IS NULL") == [(0,)]


WAITS = {
    "postgresql": "SELECT COUNT(*) FROM pg_locks WHERE NOT granted",
    "mariadb": "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    # Its one writer holds the file, and nobody can see who waits; there is no deadlock.
    "sqlite": "SELECT 1",
}


def test_a_batch_that_meets_a_deadlock_is_tried_again(url, engine):
    assert migrate(url, "0001")[0] == 0
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE filled_row SET old = old WHERE id = 50")
        process = start(url, "migrate", "filled", "0002", apps="filled")
        # InnoDB tells nothing new to who asks again within a tenth of a second.
        wait_for(lambda: time.sleep(0.2) or rows(url, WAITS[engine])[0][0] > 0, "the batch to wait")
        try:
            cursor.execute("UPDATE filled_row SET old = old WHERE id = 1")
            cursor.execute("COMMIT")
        except Exception:
            # It was the one that the server has chosen.
            cursor.execute("ROLLBACK")
    printed = "".join(process.communicate(timeout=LIMIT))
    assert process.returncode == 0, printed
    assert rows(url, "SELECT COUNT(*) FROM filled_row WHERE new = old") == [(100,)]
