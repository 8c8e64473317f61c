"""A path at which there is no database: what only reads says so and makes none, as the path may be a wrong one."""

import json
from pathlib import Path

import pytest

from tests.config.schema.manage import run_manage

READING = [
    ("schema_plan",),
    ("schema_plan", "--checklist"),
    ("schema_rehearse",),
    ("schema_rehearse", "--all"),
    ("schema_status",),
    ("schema_wait", "--timeout", "0"),
    ("schema_health",),
    ("schema_drift",),
    ("schema_diagnose",),
    ("schema_dump",),
    ("schema_instances",),
    ("schema_probe",),
    ("schema_recover",),
    ("schema_backfill",),
    ("schema_baseline",),
    ("apply_retention",),
    ("rollback",),
    ("dbbackup",),
    ("migrate", "--plan"),
    ("migrate", "--check"),
    ("migrate", "inventory", "--plan"),
    ("check_integrity",),
    ("prune",),
    ("evidence", "test-failover-none"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_only_reads_says_that_there_is_none_and_makes_none(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run_manage(*command, DATABASE_URL=f"sqlite:///{tmp_path / 'no.sqlite3'}")
    said = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in said) == (6, False), said
    assert f"There is no file {tmp_path / 'no.sqlite3'}" in said
    assert "ook at DATABASE_URL, or run migrate, which makes it." in said
    assert [*tmp_path.iterdir()] == []


def test_the_rules_over_the_files_need_no_database_and_make_none(tmp_path: Path) -> None:
    done = run_manage("schema_check", "--format", "json", DATABASE_URL=f"sqlite:///{tmp_path / 'no.sqlite3'}")
    assert (done.returncode, json.loads(done.stdout)["history_read"]) == (0, False)
    assert [*tmp_path.iterdir()] == []


def test_migrate_makes_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    assert run_manage("migrate", "contenttypes", DATABASE_URL=url).returncode == 0
    assert run_manage("migrate", "contenttypes", "--check", DATABASE_URL=url).returncode == 0
