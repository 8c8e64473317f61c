"""docs/commands.md: every line that names a command of ours is run, on each engine where it can differ."""

import json
import os
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import ROOT, clone_to, run
from tests.engines import fresh_database

PAGE = ROOT / "docs" / "commands.md"
ROW = re.compile(r"^\| (?P<there>.+?) \| (?P<here>.+?) \| ?(?P<differs>.*?) ?\|$", re.MULTILINE)
SPAN = re.compile(r"`((?:manage\.py|make) [^`]+)`")
SEEDS = ("000", "001", "002", "003", "004")
NOT_RUN = {
    r"make test$": "is the suite itself",
    r"make db-console$|manage\.py dbshell$": "waits for what a person types",
}
ANY_ENGINE = r"manage\.py (makemigrations|shell|schema_check|discover)|make "
"""What asks no database, or the same of each, and targets, as they only name commands: run on SQLite alone."""
CHANGES = r"manage\.py (migrate|rollback)|make db-rollback"
"""After these the database is brought back to where it was."""
SUPERUSER = {"DJANGO_SUPERUSER_PASSWORD": "only-for-this-test"}

ORGANIZATION = "from inventory.models import Organization as O; O.objects.create(name='Example', slug='example')"
LIMIT = 300
SESSION = """
import contextlib, io, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from django.core.management import execute_from_command_line
answers, sys.stdin = sys.stdin, open(os.devnull)
for line in answers:
    printed, code = io.StringIO(), 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            execute_from_command_line(json.loads(line))
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, printed.getvalue()[-2000:]]), file=sys.__stdout__, flush=True)
"""
"""Its commands have no terminal."""

pytestmark = pytest.mark.every_engine


def examples() -> list[str]:
    """Every command of ours that the page names, once, in its order."""
    cells = (f"{row['here']} {row['differs']}" for row in ROW.finditer(PAGE.read_text()))
    return list(dict.fromkeys(command for cell in cells for command in SPAN.findall(cell)))


def is_run(command: str) -> bool:
    return not any(re.match(pattern, command) for pattern in NOT_RUN)


@pytest.fixture(scope="module")
def database(engine: str) -> Iterator[str]:
    with fresh_database(engine) as url:
        yield url


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone_to(tmp_path_factory.mktemp("commands"))


class Hub:
    """One database, and one process in the clone that runs its commands: to start one for each would take minutes."""

    def __init__(self, clone: Path, url: str) -> None:
        self.clone, self.url = clone, url
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SESSION],
            cwd=clone,
            env=environment | SUPERUSER | {"DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str) -> None:
        """Run a command, which has to succeed."""
        if command.startswith("make"):
            run(["sh", "-ec", command], self.clone, DATABASE_URL=self.url, **SUPERUSER)
            return
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(shlex.split(command)) + "\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], LIMIT)[0], f"{command} does not end"
        code, printed = json.loads(self.process.stdout.readline())
        assert code == 0, f"{command}\n{printed}"


@pytest.fixture(scope="module")
def hub(clone: Path, database: str) -> Iterator[Hub]:
    hub = Hub(clone, database)
    try:
        hub.run("manage.py migrate -v 0")
        hub.run(f"manage.py shell -v 0 -c {shlex.quote(ORGANIZATION)}")
        yield hub
    finally:
        hub.process.kill()
        hub.process.communicate()


@pytest.mark.parametrize("command", [each for each in examples() if is_run(each)])
def test_a_line_of_the_page_runs(command: str, engine: str, hub: Hub) -> None:
    if engine != "sqlite" and re.match(ANY_ENGINE, command):
        return
    folder = hub.clone / "inventory" / "migrations"
    before = {*folder.iterdir()}
    try:
        hub.run(command)
    finally:
        for made in {*folder.glob("*.py")} - before:
            made.unlink()
        if re.match(CHANGES, command):
            hub.run("manage.py migrate -v 0")


def test_every_row_says_what_to_do_here() -> None:
    text = PAGE.read_text()
    assert re.findall(r"\(seed (\d+)\)", text) == list(SEEDS)
    rows = [found for found in ROW.finditer(text) if found["there"] not in ("there", "---")]
    assert len(rows) == sum(line.startswith("| ") for line in text.splitlines()) - len(SEEDS)
    assert all(found["here"].strip() for found in rows)


def test_every_reason_not_to_run_a_line_is_needed() -> None:
    assert [
        pattern for pattern in NOT_RUN if all(is_run(each) or not re.match(pattern, each) for each in examples())
    ] == []
