"""Django commands of the awkward project in processes of their own, and what they leave in the database."""

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import Any

from tests.engines import connect
from tests.warm import Process, completed

LIMIT = 120


def start(url: str, *arguments: str, apps: str = "counted", stdin: int | None = None, **environment: str) -> Process:
    return Process(["-m", "django", *arguments], env=_environment(url, apps) | environment, stdin=stdin)


def start_cold(url: str, *arguments: str, apps: str = "counted", **environment: str) -> "subprocess.Popen[str]":
    """One that is begun as a person begins it: its command line is its own, and it has imported nothing yet."""
    return subprocess.Popen(
        [sys.executable, "-m", "django", *arguments],
        env=_environment(url, apps) | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _environment(url: str, apps: str) -> dict[str, str]:
    ours = {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "DATABASE_URL": url, "AWKWARD_APPS": apps}
    return os.environ | ours


def script(url: str, code: str, apps: str = "counted", **environment: str) -> "subprocess.CompletedProcess[str]":
    return completed(["-c", code], env=_environment(url, apps) | environment, timeout=LIMIT)


def session(url: str, *steps: tuple[str, ...], apps: str = "counted", **environment: str) -> list[Any]:
    """What `tests.awkward.session` answers to steps that have to run in one process, as processes are dear."""
    arguments, told = ["-m", "tests.awkward.session"], json.dumps(steps)
    done = completed(arguments, env=_environment(url, apps) | environment, timeout=LIMIT, told=told)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def run(url: str, *arguments: str, **environment: str) -> tuple[int, str]:
    process = start(url, *arguments, **environment)
    printed, complained = process.communicate(timeout=LIMIT)
    return process.returncode, printed + complained


def run_cold(url: str, *arguments: str, **environment: str) -> tuple[int, str]:
    process = start_cold(url, *arguments, **environment)
    printed, complained = process.communicate(timeout=LIMIT)
    return process.returncode, printed + complained


def rows(url: str, query: str) -> list[tuple]:
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return [tuple(row) for row in cursor.fetchall()]


def run_sql(url: str, *statements: str) -> None:
    """Run these one after the other on a connection of their own."""
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()


def wait_for(condition, what: str, limit: float = 30) -> None:
    until = time.monotonic() + limit
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError(f"waited {limit} s for {what}")
