"""What `rollback` takes back, what it says before, and what it refuses; and how far `migrate --steps` goes."""

import json
import os
import pty
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
APPS = "counted,leaning"


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", apps=APPS)[0] == 0
        yield address


def applied(url: str) -> list[str]:
    return [f"{app}.{name}" for app, name in rows(url, "SELECT app, name FROM django_migrations ORDER BY id")]


def test_the_newest_on_which_nothing_depends_is_taken_back_and_journalled(url):
    code, printed = run(url, "rollback", "--yes", "--reason", "a bad night", apps=APPS)

    assert (code, "Unapplied leaning.0001_lean" in printed) == (0, True), printed
    assert applied(url) == ["counted.0001_table", "counted.0002_count", "counted.0003_count"]
    run_of = rows(url, "SELECT command, arguments, reason, outcome FROM schema_runs ORDER BY id DESC")[0]
    assert run_of == ("rollback", "leaning.0001_lean", "a bad night", "done")


def test_several_are_taken_back_newest_first(url):
    code, printed = run(url, "rollback", "3", "--yes", apps=APPS)

    assert code == 0, printed
    assert applied(url) == ["counted.0001_table"]
    newest = rows(url, "SELECT name FROM schema_steps WHERE backwards ORDER BY id")
    assert newest == [("0001_lean",), ("0003_count",), ("0002_count",)]


def test_more_than_are_applied_are_refused(url):
    assert run(url, "rollback", "5", "--yes", "--yes-lose-data", apps=APPS)[0] == 4
    assert len(applied(url)) == 4


def test_what_is_lost_is_counted_and_needs_its_own_yes(url):
    code, printed = run(url, "rollback", "counted", "zero", "--yes", apps=APPS)

    assert code == 4
    assert "Lost: " in printed and "2 rows of counted_count" in printed
    assert "Taken back with it, as it depends on it: leaning.0001_lean" in printed
    assert "say --yes-lose-data" in printed
    assert len(applied(url)) == 4

    code, printed = run(url, "rollback", "counted", "zero", "--yes", "--yes-lose-data", apps=APPS)
    assert (code, applied(url)) == (0, []), printed


def test_without_a_terminal_and_without_yes_nothing_is_done(url):
    code, printed = run(url, "rollback", apps=APPS)

    assert (code, "Nothing was done; say --yes" in printed) == (4, True)
    assert len(applied(url)) == 4


@pytest.mark.parametrize(("word", "code", "left"), [("yes\n", 0, 3), ("no\n", 4, 4)])
def test_at_a_terminal_it_asks(url, word, code, left):
    ours, theirs = pty.openpty()
    os.write(ours, word.encode())
    process = start(url, "rollback", apps=APPS, stdin=theirs)
    printed, complained = process.communicate(timeout=LIMIT)

    assert (process.returncode, "Type yes" in printed) == (code, True), complained
    assert len(applied(url)) == left


def test_what_has_no_way_back_is_refused_by_name(url):
    assert run(url, "migrate", apps="oneway")[0] == 0

    code, printed = run(url, "rollback", "--yes", "--yes-lose-data", apps="oneway")

    assert code == 4
    assert "There is no way back from oneway.0001_oneway (Raw Python operation)" in printed


def test_words_that_mean_nothing_are_usage_errors(url):
    for words in (["x"], ["0"], ["counted", "0009"], ["nothing", "zero"], ["a", "b", "c"]):
        code, printed = run(url, "rollback", *words, "--yes", apps=APPS)
        assert (code, "Traceback" in printed) == (2, False), printed


def test_a_program_reads_the_plan_as_json(url):
    process = start(url, "rollback", "--yes", "--format", "json", apps=APPS)
    printed, complained = process.communicate(timeout=LIMIT)

    assert process.returncode == 0, complained
    assert [each["name"] for each in json.loads(printed)["migrations"]] == ["0001_lean"]


def test_steps_applies_the_next_ones_only(engine):
    with fresh_database(engine) as url:
        assert run(url, "migrate", "--steps", "2")[0] == 0
        assert applied(url) == ["counted.0001_table", "counted.0002_count"]
        assert "counted.0003_count" in run(url, "migrate", "--steps", "1", "--plan")[1]
        assert run(url, "migrate", "counted", "--steps", "7")[0] == 0
        assert len(applied(url)) == 3
        assert run(url, "migrate", "counted", "zero", "--steps", "1")[0] == 0
        assert applied(url) == ["counted.0001_table", "counted.0002_count"]
        assert run(url, "migrate", "--steps", "0")[0] == 2
