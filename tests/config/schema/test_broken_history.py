"""Files of migrations that are gone or cannot be read, and records that cannot be: a sentence, never a traceback."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run
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
    assert found["pending"] == ["broken.0001_table"]
    for command in COMMANDS[:5]:
        code, printed = run(url, *command, apps="broken")
        assert (code, "Traceback" in printed) == (4, False), printed
    assert run(url, "schema_recover", "--apply", apps="broken")[0] == 0
    assert run(url, "schema_status", apps="broken")[0] == 0


@pytest.mark.parametrize("wrong", ["import", "gone", "wrong"])
def test_a_file_that_is_gone_or_cannot_be_read_is_named(wrong):
    """The files are read before any database is asked, so that one engine tells of all."""
    with fresh_database("sqlite") as url:
        assert run(url, "migrate", apps="broken")[0] == 0
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


def test_a_branch_that_is_taken_back_again_leaves_the_other_alone(url):
    assert run(url, "migrate", apps="sided")[0] == 0
    execute(url, "INSERT INTO sided_kept VALUES (1)")
    killed, _ = run(url, "rollback", "2", "--yes", "--yes-lose-data", apps="sided", DIES="1")
    assert killed == -signal.SIGKILL

    code, printed = run(url, "schema_recover", "--apply", apps="sided")
    assert code == 0, printed
    assert rows(url, "SELECT id FROM sided_kept") == [(1,)]
    left = "SELECT name FROM django_migrations WHERE app = 'sided' ORDER BY id"
    assert rows(url, left) == [("0001_table",), ("0002_untouched",)]


def test_an_interrupted_migration_whose_file_is_gone_asks_for_the_file(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == -signal.SIGKILL
    execute(url, "UPDATE schema_steps SET name = '0001_gone' WHERE ended_at IS NULL")

    code, printed = run(url, "schema_status", apps="edited")
    assert (code, "Bring the file of edited.0001_gone back" in printed) == (5, True), printed
    for command, expected in ((["migrate"], 5), (["schema_recover"], 0), (["schema_recover", "--apply"], 5)):
        code, printed = run(url, *command, apps="edited")
        assert (code, "bring the file back" in printed) == (expected, True), printed


def test_what_was_gone_on_with_is_recorded_as_the_file_is_now(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == -signal.SIGKILL
    execute(url, "UPDATE schema_steps SET digest = 'of another file' WHERE ended_at IS NULL")
    assert run(url, "migrate", apps="edited")[0] == 0
    assert run(url, "schema_status", apps="edited")[0] == 0


def test_what_is_only_recorded_is_compared_and_told(url):
    assert run(url, "migrate", apps="edited")[0] == 0
    execute(url, "DELETE FROM django_migrations WHERE app = 'edited'")
    code, printed = run(url, "migrate", "--fake-initial", apps="edited", LENGTH="50")
    assert (code, "What was there and is taken for made differs" in printed) == (0, True), printed

    code, printed = run(url, "migrate", "--fake", "edited", "zero", apps="edited")
    assert (code, "The table edited_row is still there." in printed) == (0, True), printed


def test_a_router_that_asks_the_model_is_asked_as_by_django(url):
    assert run(url, "migrate", apps="ruled", ROUTED="1")[0] == 0
    assert run(url, "schema_status", apps="ruled", ROUTED="1")[0] == 0
