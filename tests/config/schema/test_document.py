"""docs/database.md is what the models say."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config.schema.document import database_document
from tests.config.schema.rules import project_models

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "database.md"


def test_the_document_is_up_to_date() -> None:
    call_command("schema_document", check=True)


def test_a_stale_or_missing_document_is_refused_and_says_how_to_mend_it(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.md", tmp_path / "stale.md"):
        if file.stem == "stale":
            file.write_text("# The database of last year\n")
        with pytest.raises(CommandError, match="schema_document --write") as refusal:
            call_command("schema_document", check=True, file=file)
        assert refusal.value.returncode == 1


def test_it_is_printed_and_written_alike(tmp_path: Path) -> None:
    printed, file = io.StringIO(), tmp_path / "new" / "database.md"
    call_command("schema_document", stdout=printed)
    call_command("schema_document", write=True, file=file, stderr=io.StringIO())
    assert printed.getvalue() == file.read_text() == DOCUMENT.read_text()


def test_it_has_every_table_column_key_check_and_index() -> None:
    text = database_document()
    for model in project_models():
        assert f"`{model._meta.db_table}`" in text
        if not model._meta.auto_created:
            section = text.partition(f"### `{model._meta.db_table}`\n")[2].partition("\n### ")[0]
            wanted = [field.column for field in model._meta.local_fields]
            wanted += [each.name for each in (*model._meta.constraints, *model._meta.indexes)]
            assert [name for name in wanted if f"`{name}`" not in section] == []


def test_every_model_says_what_it_is() -> None:
    """Django's own docstring of a model without one is its name and its fields."""
    silent = [
        model.__name__
        for model in project_models()
        if not model._meta.auto_created and model.__doc__.startswith(f"{model.__name__}(")
    ]
    assert silent == []


@pytest.mark.parametrize(
    "sentence",
    [
        "### The life of a disk",
        "- status `pending` -> `validating`, `failed`, `cancelled`",
        "- aftermath (test) `none` -> `due`",
        "- aftermath (live) `none` -> `due`",
        "- aftermath (live) `due` -> `committed`, `reverting`",
        "| `job_id` | `replication_jobs`, SET NULL | yes |  | The newest replication job; empty until the first. |",
        "| `size_gb` | whole number, 64 bits, derived | yes |  |  |",
        "| `port` | whole number |  | `443` |  |",
        "| `created_at` | time |  | now |  |",
    ],
)
def test_it_says(sentence: str) -> None:
    assert sentence in database_document().splitlines()
