"""Kills `migrate` at every boundary between statements, its own journal's included, and lets it go on.

    DATABASE_URL=... python -m tests.awkward.killing ENGINE [--quick]

For each case the migration is applied and unapplied without a kill first. Then for each boundary a process of its own,
forked from this one, is killed there, and one more `migrate` has to bring the same schema and the same rows. Prints a
report as JSON.
"""

import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.awkward.settings"
os.environ["AWKWARD_APPS"] = "killed"

import django

django.setup()

from django.core.management import call_command, load_command_class  # noqa: E402
from django.core.management.base import CommandError  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402
from django.db.migrations.migration import Migration  # noqa: E402

from tests.awkward.killed.corpus import APP, CASES, Case  # noqa: E402
from tests.awkward.shapes import SHAPES  # noqa: E402

MOST_BOUNDARIES = 400
BOTH = ("0002_change", "0001_before")
KILLED = -signal.SIGKILL
WRITES = re.compile(r"(?!\s*\(?(SELECT|SHOW|SET|PRAGMA|BEGIN|SAVEPOINT|RELEASE|START|LOCK))", re.IGNORECASE)
OF_THE_RUN = re.compile(r"schema_(claims|runs)\b")


def migrations_of(case: Case, *, atomic: bool) -> dict[tuple[str, str], Migration]:
    before = type("Migration", (Migration,), {"operations": list(case.before), "__module__": "tests.awkward.killed"})
    change = type(
        "Migration",
        (Migration,),
        {
            "operations": list(case.change),
            "dependencies": [(APP, "0001_before")],
            "atomic": atomic,
            "__module__": "tests.awkward.killed",
        },
    )
    return {(APP, "0001_before"): before("0001_before", APP), (APP, "0002_change"): change("0002_change", APP)}


def in_a_fork(work: Callable[[], None]) -> int:
    """Run the work in a process of its own and return how it ended: an exit code, or minus the signal."""
    connection.close()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 0
    try:
        work()
    except CommandError as error:
        print(error, file=sys.stderr)
        code = error.returncode
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        os._exit(code)


def migrate(to: str, *, kill_at: int | None = None, boundaries: Callable[[str], bool] = WRITES.match) -> int:
    """Migrate the app; die at the boundary of this number: even ones before, odd ones after such a statement."""

    def work() -> None:
        seen = 0

        def boundary(sql: str) -> None:
            nonlocal seen
            if boundaries(sql):
                if seen == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                seen += 1

        def around(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            boundary(str(sql))
            answer = execute(sql, params, many, context)
            boundary(str(sql))
            return answer

        with connection.execute_wrapper(around):
            call_command("migrate", APP, to, verbosity=0, lock_timeout=30)

    return in_a_fork(work)


def shape(engine: str) -> Any:
    found = SHAPES[engine](connection)
    connection.close()
    return found


def kill_everywhere(
    engine: str, name: str, *, atomic: bool, report: dict[str, Any], first: int = 0, step: int = 1
) -> None:
    """Kill, go on and compare, forwards and backwards in turn, at every `step`th boundary from `first` on."""
    boundaries = WRITES.match if name == "create" else of_the_step
    with patch.object(MigrationLoader, "load_disk", loads(migrations_of(CASES[name], atomic=atomic))):
        for target in BOTH:
            assert migrate(target) == 0, f"{name} to {target} fails without a kill"
        expected = {}
        for target in BOTH:
            assert migrate(target) == 0
            expected[target] = shape(engine)
        for number in range(first, MOST_BOUNDARIES, step):
            kills = 0
            for target in BOTH:
                killed = migrate(target, kill_at=number, boundaries=boundaries) == KILLED
                kills += killed
                code = migrate(target) if killed else 0
                found = shape(engine) if code == 0 else f"exit {code}"
                if found != expected[target]:
                    report["failures"].append(
                        {"case": name, "atomic": atomic, "to": target, "boundary": number}
                        | difference(found, expected[target])
                    )
                    empty()
                    assert migrate(target) == 0
            report["kills"] += kills
            if not kills:
                break
        empty()


def of_the_step(sql: str) -> bool:
    return bool(WRITES.match(sql)) and not OF_THE_RUN.search(sql)


def loads(migrations: dict[tuple[str, str], Migration]) -> Callable[[MigrationLoader], None]:
    def load_disk(loader: MigrationLoader) -> None:
        loader.disk_migrations = dict(migrations)
        loader.unmigrated_apps, loader.migrated_apps = {"schema"}, {APP}

    return load_disk


def difference(found: Any, expected: Any) -> dict[str, Any]:
    if isinstance(found, str):
        return {"found": found}
    return {
        "extra": [each for each in found if each not in expected][:5],
        "missing": [each for each in expected if each not in found][:5],
    }


def empty() -> None:
    """Drop every table and view, as after a case nothing may be left for the next."""
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        views = [each.name for each in connection.introspection.get_table_list(cursor) if each.type == "v"]
        for view in views:
            cursor.execute(f"DROP VIEW {connection.ops.quote_name(view)}")
        cascade = " CASCADE" if connection.features.supports_cascade_drop else ""
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}{cascade}")
    connection.close()


def main() -> None:
    engine, *flags = sys.argv[1:]
    connection.features.supports_cascade_drop = engine == "postgresql"
    connection.close()
    # What a fork imports has to be the same for all of them.
    load_command_class("config.schema", "migrate")
    report: dict[str, Any] = {"engine": engine, "cases": 0, "kills": 0, "failures": []}
    began = time.monotonic()
    wanted = [flag for flag in flags if not flag.startswith("--")]
    for name, case in CASES.items():
        if engine not in case.engines or ("--quick" in flags and not case.quick) or (wanted and name not in wanted):
            continue
        for atomic in case.atomic:
            if engine == "mariadb" and not atomic and True in case.atomic:
                continue
            report["cases"] += 1
            if "--quick" in flags:
                kill_everywhere(engine, name, atomic=atomic, report=report, first=report["cases"] % 4, step=4)
            else:
                kill_everywhere(engine, name, atomic=atomic, report=report)
            told = f"{name}: {report['kills']} kills, {len(report['failures'])} failures"
            print(f"{time.monotonic() - began:6.0f} s  {told}", file=sys.stderr)
    report["seconds"] = round(time.monotonic() - began, 1)
    json.dump(report, sys.stdout, default=str)


if __name__ == "__main__":
    main()
