"""Kills the migrations of the corpus at every boundary between statements, and prints a report as JSON.

DATABASE_URL=... python -m tests.awkward.killing ENGINE [--quick] [CASE ...]
"""

import os
import sys
from collections.abc import Callable
from unittest.mock import patch

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.awkward.settings"
os.environ["AWKWARD_APPS"] = "killed"

import django

django.setup()

from django.db.migrations.loader import MigrationLoader  # noqa: E402
from django.db.migrations.migration import Migration  # noqa: E402

from tests.awkward.killed.corpus import APP, CASES, Case  # noqa: E402
from tests.awkward.kills import Matrix, empty, of_the_step, writes  # noqa: E402

BOTH = ((APP, "0002_change"), (APP, "0001_before"))


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


def loads(migrations: dict[tuple[str, str], Migration]) -> Callable[[MigrationLoader], None]:
    def load_disk(loader: MigrationLoader) -> None:
        loader.disk_migrations = dict(migrations)
        loader.unmigrated_apps, loader.migrated_apps = {"schema"}, {APP}

    return load_disk


def main() -> None:
    engine, *flags = sys.argv[1:]
    quick = "--quick" in flags
    wanted = [flag for flag in flags if not flag.startswith("--")]
    matrix = Matrix(engine, step=11 if quick else 1)
    for name, case in CASES.items():
        if engine not in case.engines or (quick and not case.quick) or (wanted and name not in wanted):
            continue
        for atomic in case.atomic:
            if engine == "mariadb" and not atomic and True in case.atomic:
                continue
            with patch.object(MigrationLoader, "load_disk", loads(migrations_of(case, atomic=atomic))):
                words = f"{name}, {'atomic' if atomic else 'not atomic'}"
                matrix.kill_everywhere(words, BOTH, boundaries=writes if name == "create" else of_the_step)
            empty()
    matrix.report()


if __name__ == "__main__":
    main()
