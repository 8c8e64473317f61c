"""SCHEMA_BACKUP: a back-up before and after what changes the schema, and nothing where nothing is done."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.schema.processes import rows, run
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as url:
        assert run(url, "migrate", "counted", "0002", "-v0")[0] == 0
        yield url


def applied_in(folder: Path) -> list[int]:
    """How many migrations were applied at each back-up."""
    return sorted(len(json.loads(each.read_text())["migrations"]) for each in folder.glob("*.json"))


@pytest.mark.parametrize(("when", "found"), [("none", []), ("before", [2]), ("after", [3]), ("both", [2, 3])])
def test_migrate_backs_up_when_it_is_set_to_and_only_if_there_is_work(url, tmp_path, when, found):
    said = {"SCHEMA_BACKUP": when, "BACKUP_DIR": str(tmp_path)}
    assert run(url, "migrate", "--plan", **said)[0] == 0
    assert applied_in(tmp_path) == []
    assert run(url, "migrate", **said)[0] == 0
    assert applied_in(tmp_path) == found
    assert run(url, "migrate", **said)[0] == 0
    assert applied_in(tmp_path) == found


@pytest.mark.parametrize("command", [("migrate",), ("rollback", "2", "--yes", "--yes-lose-data")])
def test_nothing_runs_where_the_back_up_before_it_fails(url, tmp_path, command):
    (tmp_path / "file").touch()
    code, printed = run(url, *command, SCHEMA_BACKUP="before", BACKUP_DIR=str(tmp_path / "file" / "folder"))
    assert (code, "Nothing was run, as the back-up before it failed" in printed) == (1, True), printed
    assert len(rows(url, "SELECT * FROM django_migrations")) == 2
    assert run(url, "migrate")[0] == 0


def test_a_failed_back_up_after_the_work_says_that_the_work_is_done(url, tmp_path):
    (tmp_path / "file").touch()
    code, printed = run(url, "migrate", SCHEMA_BACKUP="after", BACKUP_DIR=str(tmp_path / "file" / "folder"))
    assert (code, "All was applied, and the back-up after it failed" in printed) == (1, True), printed
    assert len(rows(url, "SELECT * FROM django_migrations")) == 3


def test_a_rollback_that_loses_rows_backs_up_first_whatever_is_set(url, tmp_path):
    code, printed = run(url, "rollback", "2", "--yes", "--yes-lose-data", BACKUP_DIR=str(tmp_path))
    assert code == 0, printed
    assert applied_in(tmp_path) == [2]
    assert run(url, "migrate", "counted", "0001", "-v0", BACKUP_DIR=str(tmp_path))[0] == 0
    assert applied_in(tmp_path) == [2]
