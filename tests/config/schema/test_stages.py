"""What runs before a deploy and what after it, and who is still there meanwhile."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
STAGED = {"apps": "staged", "RELEASE": "2.0"}


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    """A database as the release 1.0 has left it, of which staged.0001 is the last migration."""
    with fresh_database(engine) as address:
        assert run(address, "migrate", "staged", "0001", apps="staged")[0] == 0
        yield address


def applied(url: str) -> list[str]:
    return [name for (name,) in rows(url, "SELECT name FROM django_migrations ORDER BY id")]


def status(url: str, **environment: str) -> tuple[int, dict]:
    process = start(url, "schema_status", "--format", "json", **environment)
    printed, _ = process.communicate(timeout=LIMIT)
    return process.returncode, json.loads(printed)


def test_a_deploy_in_two_parts(url):
    assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0
    assert applied(url) == ["0001_thing", "0002_new"]
    assert run(url, "schema_wait", "--timeout", "0", **STAGED)[0] == 0
    code, printed = run(url, "migrate", "--stage", "before", **STAGED)
    assert (code, "No migrations to apply" in printed) == (0, True)

    assert run(url, "migrate", "--stage", "after", **STAGED)[0] == 0
    assert applied(url) == ["0001_thing", "0002_new", "0003_drop_old"]
    arguments = rows(url, "SELECT arguments FROM schema_runs ORDER BY id")
    assert arguments[1:] == [("--stage before",), ("--stage after",)]


def test_plain_migrate_runs_both_parts(url):
    assert run(url, "migrate", **STAGED)[0] == 0
    assert len(applied(url)) == 3


def test_a_new_release_is_ready_before_the_part_after_the_deploy(url):
    code, found = status(url, **STAGED)
    assert (code, found["state"], found["pending"]) == (4, "pending", ["staged.0002_new"])
    assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0

    code, found = status(url, **STAGED)
    assert (code, found["state"], found["pending"]) == (0, "ready", [])
    assert found["after_deploy"] == ["staged.0003_drop_old"]
    told = {issue["id"]: issue for issue in found["issues"]}
    assert "migrate --stage after" in told["after_deploy"]["recommendation"]
    assert "0 pending, 1 after the deploy" in run(url, "schema_status", **STAGED)[1]
    assert run(url, "migrate", "--check", **STAGED)[0] == 1
    assert run(url, "migrate", "--check", "--stage", "before", **STAGED)[0] == 0


def test_what_depends_on_a_migration_of_the_other_stage_is_refused_by_both_names(url):
    ours = {**STAGED, "apps": "staged,beside"}
    code, printed = run(url, "migrate", "--stage", "before", **ours)
    assert code == 4, printed
    assert "beside.0002_leans runs before the deploy and depends on staged.0003_drop_old" in printed
    assert "migrate staged 0003_drop_old" in printed
    assert run(url, "migrate", "--plan", "--stage", "before", **ours)[0] == 4
    assert run(url, "schema_plan", "--stage", "before", **ours)[0] == 4

    code, printed = run(url, "migrate", "--stage", "after", **ours)
    assert (code, "depends on staged.0002_new, which runs before it" in printed) == (4, True)
    assert applied(url) == ["0001_thing"]

    assert run(url, "migrate", "staged", "0003_drop_old", **ours)[0] == 0
    assert run(url, "migrate", "--stage", "before", **ours)[0] == 0
    assert len(applied(url)) == 5


def test_an_empty_database_serves_no_release_so_the_first_part_takes_along_what_it_needs(engine):
    with fresh_database(engine) as url:
        assert run(url, "migrate", "--stage", "before", **{**STAGED, "apps": "staged,beside"})[0] == 0
        assert len(applied(url)) == 5


def test_a_word_that_is_no_stage_is_refused(url):
    for words in (["migrate"], ["migrate", "--stage", "before"]):
        code, printed = run(url, *words, **STAGED, STAGE="later")
        assert (code, "staged.0003_drop_old has the stage 'later', which is none" in printed) == (4, True), printed
    assert applied(url) == ["0001_thing"]
    assert run(url, "migrate", "--stage", "later", **STAGED)[0] == 2


def test_the_way_back_has_no_stages(url):
    code, printed = run(url, "migrate", "staged", "zero", "--stage", "after", **STAGED)
    assert (code, "leave out --stage" in printed) == (4, True)


def test_the_plan_tells_the_stage_and_can_be_had_in_parts(url):
    printed = run(url, "schema_plan", **STAGED)[1]
    assert "Apply staged.0002_new, before the deploy" in printed
    assert "Apply staged.0003_drop_old, after the deploy" in printed

    code, printed = run(url, "schema_plan", "--stage", "after", **STAGED)
    assert (code, "say migrate --stage before, deploy" in printed) == (4, True)
    assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0
    process = start(url, "schema_plan", "--stage", "after", "--format", "json", **STAGED)
    found = json.loads(process.communicate(timeout=LIMIT)[0])
    assert [(each["name"], each["stage"]) for each in found["migrations"]] == [("0003_drop_old", "after")]


def test_what_belongs_after_the_deploy_waits_until_the_old_release_has_gone(url):
    old = start(url, "schema_instances", "--report", "--watch", apps="staged", RELEASE="1.0", SCHEMA_LEASE_SECONDS="3")
    try:
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_instances"), "the old release to report itself")
        assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0
        for words in (["migrate", "--stage", "after"], ["migrate"], ["migrate", "staged", "0003"]):
            code, printed = run(url, *words, **STAGED)
            assert (code, "staged.0003_drop_old" in printed) == (4, True), printed
            assert f"process {old.pid} on " in printed and "(release 1.0), lease until " in printed
            assert "migrate --stage before" in printed and "--allow-old-release with --reason" in printed
        assert applied(url) == ["0001_thing", "0002_new"]
        assert f"process {old.pid} on " in run(url, "schema_instances", **STAGED)[1]
    finally:
        old.send_signal(signal.SIGKILL)
        old.communicate()
    wait_for(lambda: run(url, "migrate", "--stage", "after", **STAGED)[0] == 0, "the lease of the dead to run out")
    assert "No process has reported itself" in run(url, "schema_instances", **STAGED)[1]


def test_plain_migrate_begins_nothing_where_its_last_part_has_to_wait(url):
    assert run(url, "schema_instances", "--report", **STAGED | {"RELEASE": "1.0"})[0] == 0
    assert run(url, "migrate", **STAGED)[0] == 4
    assert applied(url) == ["0001_thing"]
    assert rows(url, "SELECT owner FROM schema_claims") == [(None,)]


def test_this_release_is_no_other_and_an_unknown_one_is(url):
    assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0
    assert run(url, "schema_instances", "--report", **STAGED)[0] == 0
    unknown = {"apps": "staged", "RELEASE": ""}
    assert run(url, "migrate", "--stage", "after", **unknown)[0] == 4
    assert run(url, "schema_instances", "--report", **unknown)[0] == 0
    code, printed = run(url, "migrate", "--stage", "after", **STAGED)
    assert (code, "(unknown release)" in printed) == (4, True), printed


def test_a_person_with_a_reason_goes_on_beside_the_old_release(url):
    assert run(url, "migrate", "--stage", "before", **STAGED)[0] == 0
    assert run(url, "schema_instances", "--report", "--release", "1.0", **STAGED)[0] == 0
    anyway = ("migrate", "--stage", "after", "--allow-old-release")
    code, printed = run(url, *anyway, **STAGED)
    assert (code, "say --reason" in printed) == (4, True)

    assert run(url, *anyway, "--reason", "it reads only", **STAGED)[0] == 0
    run_of = rows(url, "SELECT arguments, reason FROM schema_runs ORDER BY id DESC")[0]
    assert run_of == ("--allow-old-release --stage after", "it reads only")
