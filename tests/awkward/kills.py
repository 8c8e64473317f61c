"""Kills `migrate` at a boundary between statements, its own journal's included, and lets it go on.

For each way, back and forth, `migrate` first goes without a kill. Then for each boundary a process of its own, forked
from this one, is killed there, and one more `migrate` has to bring the same schema and the same rows.
"""

import gc
import itertools
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management import call_command, load_command_class
from django.db import connection

from tests.awkward.shapes import SHAPES
from tests.forks import in_a_fork

KILLED = -signal.SIGKILL
WRITES = re.compile(r"(?!\s*\(?(SELECT|SHOW|SET|PRAGMA|BEGIN|SAVEPOINT|RELEASE|START|LOCK))", re.IGNORECASE)
OF_THE_RUN = re.compile(r"schema_(claims|runs)\b")
Target = tuple[str, str]
"""What `migrate` is told: an app, and a migration of it or zero."""


def writes(sql: str) -> bool:
    return bool(WRITES.match(sql))


def of_the_step(sql: str) -> bool:
    """Whether a statement writes and belongs to one migration, not to the run as a whole."""
    return writes(sql) and not OF_THE_RUN.search(sql)


class Matrix:
    """All kills of one run on one engine: how many they were, and which of them `migrate` did not get over."""

    def __init__(self, engine: str, *, step: int = 1) -> None:
        """Kill at every `step`th boundary; where that leaves some out, each case begins at another one."""
        self.engine, self.step = engine, step
        self.counts: dict[str, Any] = {"engine": engine, "cases": 0, "kills": 0}
        self.failures: list[dict[str, Any]] = []
        self._began = time.monotonic()
        connection.features.supports_cascade_drop = engine == "postgresql"
        connection.close()
        # What a fork imports has to be the same for all of them.
        load_command_class("config.schema", "migrate")
        gc.collect()
        gc.freeze()

    def kill_everywhere(self, case: str, targets: Sequence[Target], *, boundaries: Callable[[str], bool]) -> None:
        """Kill, go on and compare on the way to each of the targets in turn, until none of them has such a boundary.

        The database stands at the last target before and after.
        """
        for target in targets:
            assert migrate(target) == 0, f"{case} to {target} fails without a kill"
        expected = {}
        for target in targets:
            assert migrate(target) == 0
            expected[target] = self.shape()
        self.counts["cases"] += 1
        for number in itertools.count(self.counts["cases"] % self.step, self.step):
            kills = 0
            for target in targets:
                killed = migrate(target, kill_at=number, boundaries=boundaries) == KILLED
                kills += killed
                code = migrate(target) if killed else 0
                found = self.shape() if code == 0 else f"exit {code}"
                if found != expected[target]:
                    where = {"case": case, "to": target, "boundary": number}
                    self.fail(where | difference(found, expected[target]))
                    self.recover(targets, target)
            self.counts["kills"] += kills
            if not kills:
                break
        self._tell(case)

    def recover(self, targets: Sequence[Target], target: Target) -> None:
        """Bring the database to the target again after a failure, so that the next kill is judged for itself."""
        empty()
        assert migrate(target) == 0

    def shape(self) -> Any:
        found = SHAPES[self.engine](connection)
        connection.close()
        return found

    def fail(self, failure: dict[str, Any]) -> None:
        print(failure, file=sys.stderr, flush=True)
        self.failures.append(failure)

    def _tell(self, case: str) -> None:
        told = f"{case}: {self.counts['kills']} kills, {len(self.failures)} failures"
        print(f"{time.monotonic() - self._began:6.0f} s  {told}", file=sys.stderr, flush=True)

    def report(self) -> None:
        """Print what came of it, as JSON."""
        seconds = round(time.monotonic() - self._began, 1)
        json.dump(self.counts | {"seconds": seconds, "failures": self.failures}, sys.stdout, default=str)


def migrate(target: Target, *, kill_at: int | None = None, boundaries: Callable[[str], bool] = writes) -> int:
    """Migrate to the target; die at the boundary of this number: even ones before, odd ones after such a statement."""

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
            call_command("migrate", *target, verbosity=0, lock_timeout=30)

    return in_a_fork(work)


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
            cursor.execute(f"DROP TABLE {'IF EXISTS ' if cascade else ''}{connection.ops.quote_name(table)}{cascade}")
    connection.close()
