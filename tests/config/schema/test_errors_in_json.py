"""Who asks a command for JSON is told its error as JSON, too: one object, in the last line of stderr."""

import json
import os
from unittest.mock import ANY

import pytest
from django.core.management import get_commands, load_command_class

from tests.config.schema.processes import run, start
from tests.engines import fresh_database
from tests.warm import Process

LIMIT = 60
IN_JSON = ("--format", "json")


def commands_with_json() -> list[str]:
    """Every command of this project that takes --format json."""
    found = []
    for name, app in get_commands().items():
        if isinstance(app, str) and app.split(".")[0] in ("config", "inventory", "replication", "failover", "backups"):
            actions = load_command_class(app, name).create_parser("manage.py", name)._actions
            found += [name for each in actions if "--format" in each.option_strings and "json" in (each.choices or ())]
    return sorted(found)


def told(url: str, *arguments: str) -> tuple[int, dict]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "DEBUG": "yes"}
    process = Process(["-m", "django", *arguments], env=environment)
    _, complained = process.communicate(timeout=LIMIT)
    assert "Traceback" not in complained
    return process.returncode, json.loads(complained.splitlines()[-1])["error"]


def test_many_commands_take_it():
    assert len(commands_with_json()) > 15


@pytest.mark.parametrize("command", commands_with_json())
def test_a_wrong_word_is_told_as_json(command, capsys):
    with pytest.raises(SystemExit) as ended:
        load_command_class(get_commands()[command], command).run_from_argv(
            ["manage.py", command, *IN_JSON, "--no-such"]
        )
    printed, complained = capsys.readouterr()
    assert (ended.value.code, printed) == (2, "")
    assert json.loads(complained)["error"] == {"code": "usage", "message": ANY}


@pytest.mark.parametrize(
    ("arguments", "code", "name", "words"),
    [
        (["schema_dump"], 6, "unreachable", "There is no file"),
        (["schema_check", "nowhere"], 2, "usage", "There is no app nowhere"),
        (["seed", "--vms", "1"], 1, "error", "run manage.py migrate first"),
        (["discover", "--vcenter", "no such"], 6, "unreachable", "The database gave up"),
    ],
)
def test_an_error_is_told_by_its_exit_code_and_its_sentence(tmp_path, arguments, code, name, words):
    found, error = told(f"sqlite:///{tmp_path / 'none.sqlite3'}", *arguments, *IN_JSON)
    assert (found, error["code"]) == (code, name), error
    assert words in error["message"]


def test_a_report_that_ends_in_an_error_is_whole_on_stdout():
    with fresh_database("sqlite") as url:
        assert run(url, "migrate")[0] == 0
        process = start(url, "rollback", *IN_JSON)
        printed, complained = process.communicate(timeout=LIMIT)
        assert process.returncode == 4
        assert json.loads(printed)
        error = json.loads(complained.splitlines()[-1])["error"]
        assert (error["code"], "Nothing was done; say --yes" in error["message"]) == ("refused", True)
