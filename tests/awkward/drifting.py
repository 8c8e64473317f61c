"""Applies and unapplies each migration of the corpus and looks for drift after each.

    DATABASE_URL=... python -m tests.awkward.drifting ENGINE [--quick]

Prints a report as JSON.
"""

import json
import sys
from unittest.mock import patch

from tests.awkward.killing import BOTH, empty, loads, migrations_of

# The module before sets Django up.
from django.core.management import call_command  # isort: skip
from django.db import connection  # isort: skip
from django.db.migrations.loader import MigrationLoader  # isort: skip

from config.schema.drift import applied_differences, history_differences  # isort: skip
from tests.awkward.killed.corpus import CASES  # isort: skip


def main() -> None:
    engine, *flags = sys.argv[1:]
    connection.features.supports_cascade_drop = engine == "postgresql"
    report: dict[str, list[str]] = {"looked": [], "failures": []}
    for name, case in CASES.items():
        if engine not in case.engines or (flags and not case.quick):
            continue
        migrations = migrations_of(case, atomic=case.atomic[0])
        with patch.object(MigrationLoader, "load_disk", loads(migrations)):
            for target in (BOTH[1], *BOTH):
                call_command("migrate", *target, verbosity=0)
                found = [*history_differences(connection), *applied_differences(connection)]
                report["looked"].append(f"{name} at {target[1]}")
                report["failures"] += [f"{name} at {target[1]}: {each.kind}: {each.words}" for each in found]
        empty()
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
