"""Every line knows its room: which module may import which, read from the source of all of them."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.no_database

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "config.schema",
    "config.jobs",
    "config.staff",
    "config.demo",
    "inventory",
    "replication",
    "failover",
    "backups",
)
MAY_IMPORT = {
    "config.schema": set(),
    "inventory": {"config.schema"},
    "config.jobs": {"config.schema", "inventory"},
    "replication": {"config.schema", "inventory", "config.jobs"},
    "failover": {"config.schema", "inventory", "config.jobs", "replication"},
    "backups": {"config.schema", "inventory", "config.jobs"},
    "config.staff": set(ROOMS) - {"config.demo"},
    "config.demo": set(ROOMS),
}
"""The arrows: what a room may import beside itself. What lies in `config` and in no room may import every room."""
SEEN_BY_ALL = (
    *("config.admin", "config.changes", "config.refusals", "config.transactions"),
    *(f"config.api.{name}" for name in ("callers", "numbers", "paging", "records", "requests", "times")),
)
"""The shared bases of the admin site, the API and the services: an app builds on them, and they know no app."""
DRAWERS = {"utils.py", "helpers.py", "common.py", "core.py"}


class Source:
    """One module: where it lies, and what it imports and says."""

    def __init__(self, path: str, text: str) -> None:
        self.path = PurePosixPath(path)
        self.tree = ast.parse(text)
        self.module = ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")
        self.package = self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]

    @property
    def room(self) -> str | None:
        return room_of(self.module)

    def imports(self) -> Iterator[str]:
        """The full names of the modules and objects that it imports, wherever in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
                    base = ".".join([*above, *([base] if base else [])])
                yield from (f"{base}.{each.name}" for each in node.names)

    def imports_from(self, *packages: str) -> list[str]:
        return [name for name in self.imports() if any(is_in(name, package) for package in packages)]

    def attributes(self) -> Iterator[ast.Attribute]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute))


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def room_of(name: str) -> str | None:
    return next((room for room in ROOMS if is_in(name, room)), None)


def imports_follow_the_arrows(source: Source) -> Iterator[str]:
    if source.room is None:
        return
    allowed = MAY_IMPORT[source.room] | {source.room}
    for name in source.imports():
        of_this_project = is_in(name, "config") or room_of(name)
        shared = source.room != "config.schema" and any(is_in(name, each) for each in SEEN_BY_ALL)
        if of_this_project and not shared and room_of(name) not in allowed:
            yield f"{source.room} may not import {name}"


def demonstration_is_imported_by_nobody(source: Source) -> Iterator[str]:
    if source.room != "config.demo" and source.path.parts[0] != "tests":
        yield from (f"nobody imports {name}" for name in source.imports_from("config.demo"))


def migrations_import_django_and_two_modules(source: Source) -> Iterator[str]:
    if "migrations" in source.path.parts and source.path.parts[0] != "tests" and source.path.name != "__init__.py":
        allowed = ("django", "datetime", "config.schema.operations", "config.schema.fields")
        for name in source.imports():
            if not any(is_in(name, each) for each in allowed):
                yield f"a migration may not import {name}"


def schema_imports_django_only(source: Source) -> Iterator[str]:
    if source.room == "config.schema":
        for name in source.imports():
            if name.partition(".")[0] not in {"django", "config", *STANDARD_LIBRARY}:
                yield f"config.schema imports Django only, not {name}"


def one_package_speaks_to_vcenter(source: Source) -> Iterator[str]:
    if not is_in(source.module, "inventory.sources.vcenter") and source.path.parts[0] != "tests":
        names = source.imports_from("pyVmomi", "pyVim", "vmware_sdk")
        yield from (f"only inventory/sources/vcenter imports {name}" for name in names)


def sources_know_no_django(source: Source) -> Iterator[str]:
    if is_in(source.module, "inventory.sources"):
        names = source.imports_from("django", "config", "inventory.models", "inventory.services", "environ")
        yield from (f"inventory/sources may not import {name}" for name in names)


def settings_alone_read_the_environment(source: Source) -> Iterator[str]:
    if source.module in ("config.settings", "manage", "config.wsgi", "config.asgi") or source.path.parts[0] == "tests":
        return
    if environ := source.imports_from("os.environ", "os.getenv"):
        yield f"only config/settings.py reads the environment, not by {environ[0]}"
    for node in source.attributes():
        if isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr in ("environ", "getenv"):
            yield f"only config/settings.py reads the environment, not os.{node.attr} in line {node.lineno}"


def starters_only_name_the_settings(source: Source) -> Iterator[str]:
    """manage.py and wsgi.py say which settings there are, and read nothing."""
    if source.module in ("manage", "config.wsgi", "config.asgi"):
        for node in source.attributes():
            if isinstance(node.value, ast.Attribute) and node.value.attr == "environ" and node.attr != "setdefault":
                yield f"os.environ.{node.attr} in line {node.lineno}"


def there_is_no_drawer(source: Source) -> Iterator[str]:
    if source.path.name in DRAWERS or {"utils", "helpers", "common", "core"} & set(source.path.parts):
        yield "there are no drawers: a helper belongs to what it acts on"


def dialects_alone_ask_for_the_engine(source: Source) -> Iterator[str]:
    if not is_in(source.module, "config.schema.dialects") and source.path.parts[0] != "tests":
        for node in source.attributes():
            if node.attr == "vendor" and "connection" in ast.unparse(node.value):
                yield f"only config/schema/dialects asks for a connection's vendor, not line {node.lineno}"


def only_known_packages_are_at_the_top(source: Source) -> Iterator[str]:
    if len(source.path.parts) > 1 and source.path.parts[0] not in TOP:
        yield f"{source.path.parts[0]} is no package of this project"


STANDARD_LIBRARY = __import__("sys").stdlib_module_names
TOP = ("config", "inventory", "replication", "failover", "backups", "tests")
RULES: list[Callable[[Source], Iterator[str]]] = [
    imports_follow_the_arrows,
    demonstration_is_imported_by_nobody,
    migrations_import_django_and_two_modules,
    schema_imports_django_only,
    one_package_speaks_to_vcenter,
    sources_know_no_django,
    settings_alone_read_the_environment,
    starters_only_name_the_settings,
    there_is_no_drawer,
    dialects_alone_ask_for_the_engine,
    only_known_packages_are_at_the_top,
]
VIOLATIONS = [
    (imports_follow_the_arrows, "inventory/queries.py", "from replication.models import Target"),
    (imports_follow_the_arrows, "inventory/queries.py", "def f():\n    import failover"),
    (imports_follow_the_arrows, "replication/queries.py", "from failover import models"),
    (imports_follow_the_arrows, "backups/queries.py", "from replication.models import Target"),
    (imports_follow_the_arrows, "config/jobs/models.py", "from backups.models import BackupJob"),
    (imports_follow_the_arrows, "config/schema/plan.py", "from inventory.models import VMContext"),
    (imports_follow_the_arrows, "config/schema/plan.py", "from config.admin import HubAdminSite"),
    (imports_follow_the_arrows, "failover/api.py", "from config.settings import DEBUG"),
    (imports_follow_the_arrows, "failover/api.py", "from config import settings"),
    (imports_follow_the_arrows, "inventory/services/hosts.py", "from ...replication import models"),
    (demonstration_is_imported_by_nobody, "config/urls.py", "import config.demo.models"),
    (migrations_import_django_and_two_modules, "backups/migrations/0009_x.py", "from backups.models import BackupJob"),
    (migrations_import_django_and_two_modules, "backups/migrations/0009_x.py", "import config.schema.constraints"),
    (migrations_import_django_and_two_modules, "backups/migrations/0009_x.py", "import requests"),
    (schema_imports_django_only, "config/schema/plan.py", "import rich"),
    (one_package_speaks_to_vcenter, "inventory/services/discovery.py", "from pyVim import connect"),
    (one_package_speaks_to_vcenter, "inventory/sources/rvtools/read.py", "import pyVmomi"),
    (sources_know_no_django, "inventory/sources/vma/read.py", "from django.conf import settings"),
    (sources_know_no_django, "inventory/sources/vma/read.py", "from inventory.models import VMContext"),
    (sources_know_no_django, "inventory/sources/vma/read.py", "from ...services import discovery"),
    (settings_alone_read_the_environment, "config/databases.py", "import os\nos.environ['DATABASE_URL']"),
    (settings_alone_read_the_environment, "failover/api.py", "import os\nos.getenv('DEBUG')"),
    (settings_alone_read_the_environment, "failover/api.py", "from os import environ"),
    (starters_only_name_the_settings, "manage.py", "import os\nos.environ.get('DEBUG')"),
    (there_is_no_drawer, "failover/utils.py", ""),
    (there_is_no_drawer, "tests/helpers.py", ""),
    (there_is_no_drawer, "config/common/text.py", ""),
    (dialects_alone_ask_for_the_engine, "failover/queries.py", "from django.db import connection\nconnection.vendor"),
    (dialects_alone_ask_for_the_engine, "config/schema/plan.py", "def f(editor):\n    return editor.connection.vendor"),
    (only_known_packages_are_at_the_top, "tools/build.py", ""),
]


def sources() -> list[Source]:
    """Every Python file of the project, those of nobody else."""
    here = [path for folder in ROOT.iterdir() if is_ours(folder) for path in folder.rglob("*.py")]
    files = [*ROOT.glob("*.py"), *(path for path in here if is_ours(path))]
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in files]


def is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part.startswith(".") or part in ("var", "build", "dist", "node_modules") for part in parts)


@pytest.fixture(scope="module")
def project() -> list[Source]:
    return sources()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps(rule: Callable[[Source], Iterator[str]], project: list[Source]) -> None:
    assert len(project) > 100
    assert [f"{source.path}: {finding}" for source in project for finding in rule(source)] == []


@pytest.mark.parametrize(("rule", "path", "text"), VIOLATIONS)
def test_a_made_up_violation_trips(rule: Callable[[Source], Iterator[str]], path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


def test_every_rule_has_a_violation_that_trips_it() -> None:
    assert {rule for rule, _, _ in VIOLATIONS} == set(RULES)
