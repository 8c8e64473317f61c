"""docs/operations.md: its examples run, and it names every operation there is."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models

from config.schema import operations
from tests.config.schema.story import APP, Story

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.every_engine
def test_the_examples_run_one_after_another_and_back(empty: Any, story: Story) -> None:
    known = {name: getattr(operations, name) for name in operations.__all__}
    for example in EXAMPLES:
        said: dict[str, Any] = {"migrations": migrations, "models": models, **known}
        exec(example.replace("LABEL", APP), said)
        story.atomic = said["Migration"].atomic
        story.apply(*said["Migration"].operations)
    assert {"sectors", "owner"} <= set(story.state.models[APP, "disk"].fields)
    story.atomic = False
    story.undo_all()
    assert empty.introspection.table_names() == []


def test_every_online_operation_is_in_the_table() -> None:
    for name in operations.__all__:
        assert not name.endswith("Online") or f"| `{name}`" in TEXT or f"| `AddFieldOnline`, `{name}`" in TEXT
