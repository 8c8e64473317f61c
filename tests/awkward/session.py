"""Several commands and changes of one database in one process, which says of each command how it ended.

python -m tests.awkward.session, with the steps as JSON on its input; tests.config.schema.processes.session runs it.
"""

import contextlib
import io
import json
import sys

import django
from django.core.management import call_command
from django.core.management.base import CommandError


def command(*arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            call_command(*arguments)
        except CommandError as error:
            return error.returncode, f"{printed.getvalue()}{error}"
        except SystemExit as end:
            return int(end.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def sql(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def change(app_label: str, operation: str) -> None:
    """Do to the database what an operation of a migration would do, and tell no migration of it."""
    from django.db import connection, models
    from django.db.migrations import operations
    from django.db.migrations.executor import MigrationExecutor

    before = MigrationExecutor(connection)._create_project_state(with_applied_migrations=True)
    made, after = eval(operation, {**vars(operations), "models": models}), before.clone()
    made.state_forwards(app_label, after)
    with connection.schema_editor() as editor:
        made.database_forwards(app_label, editor, before, after)


if __name__ == "__main__":
    django.setup()
    kinds = {"command": command, "sql": sql, "change": change}
    steps = json.load(sys.stdin)
    print(json.dumps([kinds[kind](*arguments) for kind, *arguments in steps]))
