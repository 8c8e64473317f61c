"""docs/operations.md: its examples run, and it names every operation there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models

from config.schema import operations
from tests.config.schema.checked import default_database
from tests.config.schema.story import APP, Story

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def empty(engine: str, django_db_blocker: Any) -> Iterator[Any]:
    """The default connection, as a transaction is one of that."""
    with django_db_blocker.unblock(), default_database(engine) as connection:
        yield connection


@pytest.mark.every_engine
def test_the_examples_run_one_after_another_and_back(empty: Any, story: Story) -> None:
    known = {name: getattr(operations, name) for name in operations.__all__}
    *examples, dropping = EXAMPLES
    for example in examples:
        said: dict[str, Any] = {"migrations": migrations, "models": models, **known}
        exec(example.replace("LABEL", APP), said)
        story.atomic = said["Migration"].atomic
        story.apply(*said["Migration"].operations)
    assert {"sectors", "owner"} & set(story.state.models[APP, "disk"].fields) == {"owner"}
    story.atomic = False
    story.undo_all()
    assert empty.introspection.table_names() == []
    assert "DropQuarantined" in dropping, "what has no way back is run by test_quarantine"


def test_every_operation_for_tables_in_use_is_in_the_table() -> None:
    for name in operations.__all__:
        if name.endswith("Online") or "Quarantine" in name or "Swap" in name:
            assert re.search(rf"^\| [^|]*`{name}`", TEXT, re.MULTILINE), name
