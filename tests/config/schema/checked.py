"""An app of no name whose migrations are written to files, installed, and read by Django itself."""

import contextlib
import importlib
import itertools
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.db import connections
from django.test import override_settings

from tests.config.schema.live import empty_database

NUMBERS = itertools.count(1)
HEAD = """\
from django.db import migrations, models
from config.schema.operations import AddFieldOnline, AlterFieldOnline, DialectSQL, Statements, SwapFields


class Migration(migrations.Migration):
    {dependency}
    {attributes}
    operations = [{operations}]

"""
THING = """
class Thing(models.Model):
    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=50)
    size = models.IntegerField(null=True)
"""
CREATE = """migrations.CreateModel("Thing", [
    ("id", models.BigAutoField(primary_key=True, serialize=False)),
    ("name", models.CharField(max_length=50)),
    ("size", models.IntegerField(null=True)),
])"""


def migration(label: str, operations: str, *, after: str = "0001_thing", attributes: str = "", more: str = "") -> str:
    """The text of a migration file; `more` comes after the class, where functions may stand."""
    dependency = f'dependencies = [("{label}", "{after}")]' if after else "initial = True"
    head = HEAD.format(dependency=dependency, attributes=attributes, operations=operations)
    return f"{dedent(more)}\n{head}" if more else head


@contextlib.contextmanager
def default_database(engine: str) -> Iterator[Any]:
    """An empty database that Django takes for its default one meanwhile."""
    before = connections["default"]
    with empty_database(engine) as connection:
        connections["default"] = connection
        try:
            yield connection
        finally:
            connections["default"] = before


class App:
    """A package on disk; `install` makes Django take it for an installed app until the test ends."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.label = f"checked{next(NUMBERS)}"
        self.root = folder / self.label
        self.folder = self.root / "migrations"
        self.folder.mkdir(parents=True)
        patch.syspath_prepend(folder)
        self.write("../__init__.py", "")
        self.write("__init__.py", "")
        self.models(THING)
        self.add("0001_thing", CREATE, after="")
        self.installed = False
        self.settings: Any = override_settings(INSTALLED_APPS=["config.schema", self.label])

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def models(self, text: str) -> None:
        self.write("../models.py", "from django.db import models\n" + dedent(text))

    def add(self, name: str, operations: str, **given: Any) -> None:
        """Write a migration; by default after 0001_thing."""
        self.write(f"{name}.py", migration(self.label, operations.replace("LABEL", self.label), **given))

    def install(self) -> None:
        if not self.installed:
            self.settings.enable()
            self.installed = True

    def close(self) -> None:
        if self.installed:
            self.settings.disable()
            self.installed = False
            # Else those of the few apps of this project stay known as all there are.
            get_commands.cache_clear()
        self.forget()

    def forget(self) -> None:
        """Have Python read the files again."""
        importlib.invalidate_caches()
        linecache.clearcache()
        for name in [name for name in sys.modules if name.partition(".")[0] == self.label]:
            del sys.modules[name]
        apps.all_models[self.label].clear()
