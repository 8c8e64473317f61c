"""The releases of docs/expand-and-contract.md: their files, and processes that serve from them and write meanwhile."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.checkout import ROOT
from tests.config.schema.processes import LIMIT, script
from tests.warm import Process

PAGE = ROOT / "docs" / "expand-and-contract.md"
FILE = re.compile(r"^```python\n# shop/(\S+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ATTRIBUTE = {1: "title", 2: "title", 3: "name", 4: "name", 5: "name"}
"""What each release calls what people call a disk."""
SETUP = """
import django, sys
from django.conf import settings
settings.INSTALLED_APPS.append("shop")
django.setup()
"""
SERVE = """
import json
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from shop.models import Disk

NAME = sys.argv[1]

def read():
    return dict(Disk.objects.values_list("pk", NAME))

def create(text):
    return Disk.objects.create(**{NAME: text}).pk

def create_many(*texts):
    before = set(Disk.objects.values_list("pk", flat=True))
    Disk.objects.bulk_create(Disk(**{NAME: text}) for text in texts)
    mine = Disk.objects.filter(**{f"{NAME}__in": texts})
    return sorted({*mine.values_list("pk", flat=True)} - before)

def save(pk, text):
    disk = Disk.objects.get(pk=pk)
    setattr(disk, NAME, text)
    disk.save()

def save_field(pk, text):
    disk = Disk(pk=pk, **{NAME: text})
    disk.save(update_fields=[NAME])

def update(pk, text):
    assert Disk.objects.filter(pk=pk).update(**{NAME: text}) == 1

def append(pk, text):
    assert Disk.objects.filter(pk=pk).update(**{NAME: Concat(F(NAME), Value(text))}) == 1

def increase(pk, by):
    assert Disk.objects.filter(pk=pk).update(**{NAME: F(NAME) + by}) == 1

def update_many(pk, text):
    disk = Disk.objects.get(pk=pk)
    setattr(disk, NAME, text)
    Disk.objects.bulk_update([disk], [NAME])

for line in sys.stdin:
    what, *arguments = json.loads(line)
    print(json.dumps(globals()[what](*arguments)), flush=True)
"""
MIGRATE = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


class Releases:
    """All releases of the page, each in a folder of its own, of one database."""

    def __init__(self, folder: Path, url: str, page: Path = PAGE) -> None:
        self._folder, self._url = folder, url
        files: dict[str, str] = {"__init__.py": "", "migrations/__init__.py": ""}
        for number, text in enumerate(re.split(r"^## Release \d", page.read_text(), flags=re.MULTILINE)[1:], 1):
            # A release has the migrations of those before it, and the models that were changed last.
            files |= FILE.findall(text)
            for name, code in files.items():
                file = folder / str(number) / "shop" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(code)

    def manage(self, number: int, *arguments: str) -> None:
        """Run a command with this release's files, to its end."""
        done = self.tried(number, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def tried(self, number: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same, whatever comes of it."""
        path = f"import sys; sys.path.insert(0, {str(self._folder / str(number))!r}); sys.argv[1:] = {arguments!r}\n"
        return script(self._url, path + SETUP + MIGRATE, apps="")

    def migrate(self, number: int, name: str) -> None:
        self.manage(number, "migrate", "shop", name, "--verbosity=0")

    def serve(self, number: int, attribute: str = "") -> "Serving":
        return Serving(self._folder / str(number), self._url, attribute or ATTRIBUTE[number])


class Serving:
    """A process of one release, which does what it is told; to be used in a with statement."""

    def __init__(self, folder: Path, url: str, attribute: str) -> None:
        reading, self._writing = os.pipe()
        path = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.argv[1:] = [{attribute!r}]\n"
        ours = {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "DATABASE_URL": url, "AWKWARD_APPS": ""}
        self._process = Process(["-c", path + SETUP + SERVE], env=os.environ | ours, stdin=reading)
        os.close(reading)

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._writing)
        self._process.wait(LIMIT)

    def do(self, what: str, *arguments: Any) -> Any:
        os.write(self._writing, f"{json.dumps([what, *arguments])}\n".encode())
        answer = self._process.stdout.readline()
        assert answer, self._process.stderr.read()
        return json.loads(answer)
