"""The worst read of another client while a migration waits behind a reader, with this project's migrate and Django's.

    DATABASE_URL=... python -m tests.benchmarks.queue [SECONDS]

Prints JSON. A reader holds one table for so many seconds; the migration changes that one, or another one first.
"""

import contextlib
import json
import os
import subprocess
import sys
import time

from tests.config.schema.processes import LIMIT, run
from tests.config.schema.queue import Reader, holding
from tests.engines import connect

MIGRATE = """
import sys
import django
from django.core.management import call_command
from django.core.management.commands.migrate import Command
django.setup()
print("ready", flush=True)
call_command({}, "queued", "0002", verbosity=0)
"""
WHO = {"nobody": None, "ours": "'migrate'", "stock": "Command()"}
TABLES = {"one": ("first",), "two": ("first", "second")}


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    url = os.environ["DATABASE_URL"]
    assert run(url, "migrate", "queued", "0001", apps="queued")[0] == 0
    json.dump({what: {who: worst_read(url, what, who, seconds) for who in WHO} for what in TABLES}, sys.stdout)


def worst_read(url: str, what: str, who: str, seconds: float) -> float:
    """Seconds; the table that is held is the last one that the migration changes."""
    with contextlib.ExitStack() as clients:
        cursor = clients.enter_context(holding(url, TABLES[what][-1]))
        process = migrating(url, what, WHO[who]) if WHO[who] else None
        reader = clients.enter_context(Reader(url, *TABLES[what]))
        time.sleep(seconds)
        cursor.execute("COMMIT")
        if process:
            answer = process.communicate(timeout=LIMIT)
            assert process.returncode == 0, answer
    if process:
        take_back(url, what)
    return reader.worst


def migrating(url: str, what: str, command: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", MIGRATE.format(command)],
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "DATABASE_URL": url, "AWKWARD_APPS": "queued"}
        | {"QUEUED": what, "STOCK": "1" if "Command" in command else ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n", process.communicate()
    return process


def take_back(url: str, what: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        for table in TABLES[what]:
            cursor.execute(f"ALTER TABLE queued_{table} DROP COLUMN more")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'queued' AND name = '0002_change'")


if __name__ == "__main__":
    main()
