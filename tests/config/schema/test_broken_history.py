"""Files of migrations that are gone or cannot be read, and records that cannot be: a sentence, never a traceback."""

import json
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import run
from tests.config.schema.test_state import execute
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
COMMANDS = (
    ["migrate"],
    ["migrate", "--plan"],
    ["rollback", "--yes"],
    ["schema_plan"],
    ["schema_drift"],
    ["schema_recover"],
    ["schema_recover", "--apply"],
    ["schema_probe"],
    ["schema_wait", "--timeout", "0"],
)


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", apps="broken")[0] == 0
        yield address


def test_a_record_that_is_gone_from_the_middle_is_told_and_recorded_again(url):
    execute(url, "DELETE FROM django_migrations WHERE app = 'broken' AND name = '0001_table'")
    code, printed = run(url, "schema_status", "--format", "json", apps="broken")
    found = json.loads(printed)

    assert (code, found["state"]) == (4, "drifted")
    assert "inconsistent_history" in {issue["id"] for issue in found["issues"]}
    assert (found["pending"], found["tables_expected"]) == (["broken.0001_table"], None)
    for command in COMMANDS[:5]:
        code, printed = run(url, *command, apps="broken")
        assert (code, "Traceback" in printed) == (4, False), printed
    assert run(url, "schema_recover", "--apply", apps="broken")[0] == 0
    assert run(url, "schema_status", apps="broken")[0] == 0


@pytest.mark.parametrize("wrong", ["import", "gone"])
def test_a_file_that_is_gone_or_cannot_be_read_is_named(wrong, url):
    code, printed = run(url, "schema_status", "--format", "json", apps="broken", BROKEN=wrong)
    found = json.loads(printed)

    assert (code, found["state"], [issue["id"] for issue in found["issues"]]) == (4, "drifted", ["broken_files"])
    for command in COMMANDS:
        code, printed = run(url, *command, apps="broken", BROKEN=wrong)
        assert (code, "Traceback" in printed) == (4, False), printed
        assert "gone" in printed and "schema_check names what is wrong" in printed


def test_two_migrations_that_are_the_last_of_one_app_are_told_with_what_merges_them(url):
    code, printed = run(url, "schema_status", apps="broken", BROKEN="beside")
    assert code == 4
    assert "broken: 0002_left, 0003_right" in printed and "Run makemigrations --merge." in printed
