"""How long two writers are kept from a table while an operation changes it: the online form beside Django's own.

    TEST_..._URL=... python -m tests.benchmarks.online ENGINE [--rows N]

Both go by `migrate`, ours and Django's, on one table; the writers are processes of their own. Prints JSON.
"""

import argparse
import contextlib
import ctypes
import importlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from tests.engines import connect, fresh_database

WRITERS = 2
LIMIT = 600
REFUSED = "refused"
DEADLOCKS = (1213, 1205, "40P01")
FILL = {
    "postgresql": "INSERT INTO killed_thing (name, size, length, length_too) "
    "SELECT 'name-' || n, 1, n, n FROM generate_series(1, {rows}) n",
    "mariadb": "INSERT INTO killed_thing (name, size, length, length_too) "
    "SELECT CONCAT('name-', seq), 1, seq, seq FROM seq_1_to_{rows}",
}


def write(url: str, number: int, done: Any, longest: Any, failed: Any) -> None:
    """Add a row and change another, until this process is ended; `longest` is the longest time that a write took."""
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        for turn in range(sys.maxsize):
            began = time.monotonic()
            try:
                cursor.execute(f"INSERT INTO killed_thing (name, size) VALUES ('by-{number}-{turn}-{os.getpid()}', 1)")
                now = time.monotonic()
                longest[number] = max(longest[number], now - began)
                began = now
                cursor.execute(f"UPDATE killed_thing SET size = size + 1 WHERE id = {1 + turn * 7919 % 1000}")
            except Exception as error:
                if getattr(error, "sqlstate", error.args[0]) not in DEADLOCKS:
                    raise
                failed[number] += 1
            longest[number] = max(longest[number], time.monotonic() - began)
            done[number] += 1


@contextlib.contextmanager
def writers(url: str) -> Iterator[dict[str, Any]]:
    """Within it they write; it yields what then holds the longest stall, in seconds, and the writes that failed."""
    context = multiprocessing.get_context("spawn")
    done, failed = (context.Array(ctypes.c_long, WRITERS, lock=False) for _ in range(2))
    longest = context.Array(ctypes.c_double, WRITERS, lock=False)
    processes = [context.Process(target=write, args=(url, n, done, longest, failed)) for n in range(WRITERS)]
    for process in processes:
        process.start()
    found: dict[str, Any] = {}

    def all_write_on() -> None:
        before, until = list(done), time.monotonic() + LIMIT
        while not all(now > then + 20 for now, then in zip(done, before, strict=True)):
            assert time.monotonic() < until and all(each.is_alive() for each in processes), "a writer does not go on"
            time.sleep(0.01)

    try:
        all_write_on()
        longest[:] = [0.0] * WRITERS
        yield found
        all_write_on()
        found |= {"stall": round(max(longest), 3), "failed": sum(failed)}
    finally:
        for process in processes:
            process.terminate()
            process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=FILL)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("operations", nargs="*")
    options = parser.parse_args()
    with fresh_database(options.engine) as url:
        os.environ["DATABASE_URL"] = url
        # It sets Django up for that database, before anything of Django is imported.
        importlib.import_module("tests.awkward.killing")
        json.dump(measured(url, options.engine, options.rows, options.operations), sys.stdout)


def measured(url: str, engine: str, rows: int, wanted: list[str]) -> dict[str, Any]:
    from django.core.management import call_command
    from django.core.management.base import CommandError
    from django.core.management.commands.migrate import Command as Stock
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    from config.schema.management.commands.migrate import Command as Ours
    from tests.awkward.killing import APP, loads, migrations_of
    from tests.benchmarks.online_cases import BEFORE, OPERATIONS, Case

    def migrate(command: Any, operation: Any, name: str) -> None:
        case = Case(BEFORE, [operation] if operation else [])
        atomic = not getattr(operation, "is_online", False)
        with patch.object(MigrationLoader, "load_disk", loads(migrations_of(case, atomic=atomic))):
            call_command(command, APP, name, verbosity=0)

    migrate(Ours(), None, "0001_before")
    with connection.cursor() as cursor:
        cursor.execute(FILL[engine].format(rows=rows))
        cursor.execute("INSERT INTO killed_parent (id) VALUES (1)")
        cursor.execute("ANALYZE killed_thing" if engine == "postgresql" else "ANALYZE TABLE killed_thing")
    report: dict[str, Any] = {"rows": rows}
    for name, (djangos, online) in OPERATIONS.items():
        if wanted and name not in wanted:
            continue
        report[name] = {}
        for kind, command, operation in (("stock", Stock(), djangos), ("ours", Ours(), online)):
            try:
                with writers(url) as found:
                    began = time.monotonic()
                    migrate(command, operation, "0002_change")
                    found["seconds"] = round(time.monotonic() - began, 2)
            except CommandError as error:
                print(error, file=sys.stderr)
                report[name][kind] = REFUSED
                continue
            report[name][kind] = found
            migrate(Ours(), operation, "0001_before")
        print(name, report[name], file=sys.stderr, flush=True)
    return report


if __name__ == "__main__":
    main()
