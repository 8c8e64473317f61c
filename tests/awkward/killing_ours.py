"""Kills this project's own migrations, and those of Django's apps that it has, at every boundary between statements.

    DATABASE_URL=... python -m tests.awkward.killing_ours ENGINE [--quick]

Each migration is applied and unapplied in its place in the history, with rows in the tables that it rebuilds. With
--quick only a few of them are, at every twentieth boundary. Prints a report as JSON.
"""

import os
import sys
from collections.abc import Sequence

os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ENVIRONMENT": "development", "DEBUG": "no"}

import django

django.setup()

from django.db import connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

from tests.awkward.kills import Matrix, Target, empty, migrate, of_the_step  # noqa: E402

TIMES = ("2020-02-29 10:00:00", "2026-11-05 10:00:00", "2026-12-31 23:59:59")
METRICS = [f"INSERT INTO host_metrics (at, host_id) VALUES ('{at}', 7)" for at in TIMES]
METRICS += [f"INSERT INTO vm_metrics (at, vm_context_id) VALUES ('{at}', 'ctx')" for at in TIMES]
EVENTS = [
    "INSERT INTO job_events (at, job_kind, job_id, vm_context_id, to_status, actor) "
    f"VALUES ('{at}', 'replication', 'job', 'ctx', 'pending', 'test')"
    for at in TIMES
]
ROWS = {
    ("contenttypes", "0001_initial"): [
        "INSERT INTO django_content_type (name, app_label, model) VALUES ('a', 'b', 'c')"
    ],
    ("inventory", "0009_metrics"): METRICS,
    ("jobs", "0001_job_events"): EVENTS,
}
"""What is in the tables, from which migration on, for those after it that rebuild them."""
QUICK = (
    ("contenttypes", "0002_remove_content_type_name"),
    ("inventory", "0010_partition_metrics_by_month"),
    ("inventory", "0011_vm_disks_job"),
)
"""Code among changes of a table, SQL by hand, and a reference: what every run of the tests kills."""


class History(Matrix):
    """The matrix of a history: the database of a case has all that comes before it."""

    def __init__(self, engine: str, *, step: int) -> None:
        super().__init__(engine, step=step)
        self.before: list[Target] = []

    def go_on(self, target: Target) -> None:
        """Bring the database to the next migration of the history, and rows into it."""
        assert migrate(target) == 0
        with connection.cursor() as cursor:
            for statement in ROWS.get(target, ()):
                cursor.execute(statement)
        connection.close()
        self.before.append(target)

    def recover(self, targets: Sequence[Target], target: Target) -> None:
        empty()
        before, self.before = self.before, []
        for each in before:
            self.go_on(each)
        for each in targets:
            assert migrate(each) == 0
        assert migrate(target) == 0


def main() -> None:
    engine, *flags = sys.argv[1:]
    quick = "--quick" in flags
    executor = MigrationExecutor(connection)
    history: list[Target] = [
        (each.app_label, each.name) for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
    ]
    matrix = History(engine, step=20 if quick else 1)
    latest: dict[str, str] = {}
    for app, name in history[: history.index(QUICK[-1]) + 1] if quick else history:
        if not quick or (app, name) in QUICK:
            back = (app, latest.get(app, "zero"))
            matrix.kill_everywhere(f"{app}.{name}", ((app, name), back), boundaries=of_the_step)
        matrix.go_on((app, name))
        latest[app] = name
    matrix.report()


if __name__ == "__main__":
    main()
