"""The projects whose models and commands a process has imported before it knows its settings.

Both have the same apps in every environment, but for those that AWKWARD_APPS names. Which apps are installed, and all
settings, are forgotten after the import: a process that comes from this one reads its own.
"""

import contextlib
import importlib
import os
import pkgutil
import sys
from pathlib import Path

ENVIRONMENTS = {
    "config.settings": {"ENVIRONMENT": "development", "DATABASE_URL": "sqlite://"},
    "tests.awkward.settings": {"DATABASE_URL": "sqlite://"},
}
"""By the module of its settings, with what it takes to read them."""
WITHOUT_SETTINGS = (
    "django.contrib.admin",
    "django.core.management.commands.migrate",
    "django.core.management.commands.makemigrations",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.utils.translation.reloader",
    "django.views.csrf",
    "django.views.debug",
    "config.databases",
    "config.schema.changes",
    "config.schema.direct",
    *(f"config.schema.dialects.{engine}.base" for engine in ("sqlite", "postgresql", "mysql")),
    "MySQLdb.connections",
    "MySQLdb.cursors",
)
"""What any process may have imported; the driver of an engine that cannot be had is left out."""


def project_of(arguments: list[str], environment: dict[str, str]) -> str:
    """The project that a process with these belongs to, "" for none of these, or where it leaves the schema app out."""
    by_default = "config.settings" if Path(arguments[0]).name == "manage.py" else ""
    module = environment.get("DJANGO_SETTINGS_MODULE", by_default)
    return module if module in ENVIRONMENTS and "SCHEMA_APP" not in environment else ""


def import_without_settings() -> None:
    for name in WITHOUT_SETTINGS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def import_project(module: str) -> None:
    """Import what its processes will, and forget in which environment."""
    from django.apps import apps
    from django.conf import settings
    from django.db import connections
    from django.utils.functional import empty

    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(ENVIRONMENTS[module] | {"DJANGO_SETTINGS_MODULE": module})
    # As django.setup() does, but for logging, which the settings of each set up as they say.
    apps.populate(settings.INSTALLED_APPS)
    for app in list(apps.get_app_configs()):
        with contextlib.suppress(ImportError):
            commands = importlib.import_module(f"{app.name}.management.commands")
            for each in pkgutil.iter_modules(commands.__path__):
                importlib.import_module(f"{commands.__name__}.{each.name}")
    apps.clear_cache()
    apps.app_configs.clear()
    apps.apps_ready = apps.models_ready = apps.ready = apps.loading = False
    apps.ready_event.clear()
    # Models ask the default connection how long a name may be.
    vars(connections).clear()
    connections.__init__()
    keep_what_libraries_added(module)
    settings._wrapped = empty
    del sys.modules[module]
    os.environ.clear()
    os.environ.update(before)


def keep_what_libraries_added(module: str) -> None:
    """Some libraries write their defaults into the settings when they are imported, which happens once."""
    from django.conf import LazySettings, global_settings, settings

    said = {*dir(sys.modules[module]), *dir(global_settings)}
    added = {name: getattr(settings, name) for name in dir(settings._wrapped) if name.isupper() and name not in said}
    setup = LazySettings._setup

    def setup_and_add(lazy: LazySettings, name: str | None = None) -> None:
        setup(lazy, name)
        for each, value in added.items():
            if not hasattr(lazy._wrapped, each):
                setattr(lazy._wrapped, each, value)

    LazySettings._setup = setup_and_add  # type: ignore[method-assign]
