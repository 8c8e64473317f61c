"""schema_rehearse: the plan on a clone, up, down and up; the clone goes, the answer stays."""

import json
from collections.abc import Iterator

import pytest

from tests.config.schema.manage import manage
from tests.config.schema.processes import rows, run, start
from tests.config.schema.test_backup import LIMIT, beside, killed
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as url:
        assert run(url, "migrate", "counted", "0001", "-v0")[0] == 0
        yield url


def rehearsed(url: str, *arguments: str, apps: str) -> tuple[int, dict]:
    process = start(url, "schema_rehearse", "--format", "json", *arguments, apps=apps)
    printed, complained = process.communicate(timeout=LIMIT)
    assert printed, complained
    return process.returncode, json.loads(printed)


def test_a_plan_is_run_up_down_and_up_on_a_clone_with_the_rows_and_the_live_database_is_as_it_was(url, engine):
    code, said = rehearsed(url, apps="counted,many")

    assert (code, said["passed"], said["differences"]) == (0, True, [])
    assert [each["direction"] for each in said["passes"]] == ["up", "down", "up"]
    statements = said["passes"][0]["statements"]
    assert {"counted.0002_count", "many.0001_tables"} <= {each["migration"] for each in statements}
    [add] = [each for each in statements if "ADD CONSTRAINT" in each["sql"] and "CHECK" in each["sql"]][:1] or [None]
    if engine == "postgresql":
        locks = {each["lock"] for each in statements}
        assert any(lock and lock.startswith("AccessExclusiveLock on many_thing") for lock in locks)
    elif engine == "mariadb":
        assert add["lock"] == "COPY of 20000 rows: writers wait"
    assert len(rows(url, "SELECT * FROM django_migrations")) == 1
    assert beside(engine, url) == []
    assert rows(url, "SELECT digest FROM schema_rehearsals") == [(said["digest"],)]


def test_the_checklist_shows_what_the_rehearsal_of_this_plan_found(url):
    assert "say schema_rehearse" in run(url, "schema_plan", "--checklist")[1]
    assert run(url, "schema_rehearse")[0] == 0
    page = run(url, "schema_plan", "--checklist")[1]
    assert "up, down and up, the same each time" in page
    assert "0.0 hours" in page
    assert run(url, "migrate", "--steps", "1")[0] == 0
    assert "say schema_rehearse" in run(url, "schema_plan", "--checklist")[1]


def test_a_way_back_that_leaves_something_behind_fails_and_is_kept_as_failed(url, engine):
    code, printed = run(url, "schema_rehearse", apps="counted,cycled")
    assert code == 4
    assert "cycled_left" in printed
    assert beside(engine, url) == []
    assert [bool(passed) for (passed,) in rows(url, "SELECT passed FROM schema_rehearsals")] == [False]


def test_a_step_without_a_way_back_is_named_and_run_up_only(url):
    code, said = rehearsed(url, apps="counted,oneway")
    assert (code, [each["direction"] for each in said["passes"]]) == (0, ["up"])
    assert said["irreversible"] == ["oneway.0001_oneway: Raw Python operation"]


def test_with_nothing_pending_there_is_nothing_to_rehearse(url):
    assert run(url, "migrate", "-v0")[0] == 0
    assert run(url, "schema_rehearse") == (0, "Nothing is pending.\n")


def test_the_clone_of_a_killed_rehearsal_is_removed_by_the_next(url, engine):
    killed(url, "schema_rehearse", at="config.schema.rehearsal._pass")
    assert len(beside(engine, url)) == 1
    code, printed = run(url, "schema_rehearse")
    assert (code, "was left by a rehearsal" in printed) == (0, True), printed
    assert beside(engine, url) == []


def test_the_whole_history_of_this_project_goes_up_down_and_up_with_the_same_catalogue(engine):
    with fresh_database(engine) as url:
        said = json.loads(manage(url, "schema_rehearse", "--all", "--format", "json"))
    assert (said["error"], said["differences"], said["irreversible"]) == (None, [], [])
    assert [each["direction"] for each in said["passes"]] == ["up", "down", "up"]
    assert len(said["migrations"]) > 20
