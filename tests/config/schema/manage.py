"""manage.py in a process of its own, on a database given by its URL."""

import os
import subprocess

from tests.checkout import ROOT
from tests.warm import completed

LIMIT = 180


def manage(url: str, *arguments: str) -> str:
    """Run a command, which has to succeed, and return what it prints."""
    done = run_manage(*arguments, DATABASE_URL=url)
    assert done.returncode == 0, f"manage.py {' '.join(arguments)}: {done.stderr}{done.stdout}"
    return done.stdout


def run_manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with these variables and none of the caller's that would choose a database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DATABASE_", "DJANGO_"))}
    return completed(
        [str(ROOT / "manage.py"), *arguments],
        env={**kept, "ENVIRONMENT": "development", **environment},
        timeout=LIMIT,
    )
