"""The page of the states is what the models declare."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.jobs.kinds import kinds

pytestmark = pytest.mark.no_database


def test_the_page_is_up_to_date():
    call_command("jobs_document", check=True)


def test_a_page_that_says_something_else_is_told(tmp_path):
    file = tmp_path / "states.md"
    with pytest.raises(CommandError, match="jobs_document --write"):
        call_command("jobs_document", check=True, file=file)
    call_command("jobs_document", write=True, file=file, stderr=io.StringIO())
    call_command("jobs_document", check=True, file=file)
    printed = io.StringIO()
    call_command("jobs_document", stdout=printed)
    assert printed.getvalue() == file.read_text() == Path("docs/states.md").read_text()


def test_it_names_every_status_of_every_kind():
    text = Path("docs/states.md").read_text()
    for kind in kinds():
        for status in kind.model.LIFECYCLE.moves:
            assert f"| `{status}` |" in text
