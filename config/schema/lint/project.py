"""What the rules read: the apps' migration files, the migrations in them, and their steps one after another."""

import ast
import importlib.util
import inspect
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.state import ProjectState

from config.schema.changes import Step, created_models, steps_of

Key = tuple[str, str]


class Project:
    """The migrations of some apps; those of all apps are read, as they build on each other."""

    def __init__(
        self,
        labels: set[str],
        engines: tuple[str, ...],
        recorded: Mapping[Key, str],
        is_small: Callable[[str], bool] = lambda table: False,
    ) -> None:
        """`recorded`: the digest that each migration had when it was applied; `is_small`: of a live table."""
        self.labels = labels
        self.engines = engines
        self.recorded = recorded
        self.is_small = cache(is_small)

    @cached_property
    def loader(self) -> Any:
        """Everything that Django loads; asks no database."""
        return MigrationLoader(None)

    def migrations(self) -> Iterator[Migration]:
        """The migrations of the checked apps, also those that a squashed one replaces."""
        for (label, _), migration in sorted(self.loader.disk_migrations.items()):
            if label in self.labels:
                yield migration

    @cached_property
    def walk(self) -> list[tuple[Migration, list[Step], set[Key]]]:
        """Each migration of the checked apps with its steps and the models whose tables it makes itself."""
        graph, state, walk = self.loader.graph, ProjectState(real_apps=self.loader.unmigrated_apps), []
        done: set[Key] = set()
        for leaf in graph.leaf_nodes():
            for key in graph.forwards_plan(leaf):
                if key in done:
                    continue
                done.add(key)
                migration = graph.nodes[key]
                steps = steps_of(migration, state)
                state = steps[-1].after if steps else state
                if key[0] in self.labels:
                    walk.append((migration, steps, created_models(steps)))
        return walk

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Each folder in which an app's migrations may lie."""
        for label in sorted(self.labels):
            module, _ = MigrationLoader.migrations_module(label)
            if module is None:
                continue
            spec = importlib.util.find_spec(module)
            for place in (spec.submodule_search_locations or ()) if spec else ():
                yield label, Path(place)


def name_of(migration: Migration) -> str:
    return f"{migration.app_label}.{migration.name}"


def tree_of(migration: Migration) -> tuple[ast.Module, str]:
    """The syntax of the migration's file, and the name of its module."""
    module = inspect.getmodule(type(migration))
    if module is None:
        raise LookupError(f"{name_of(migration)} has no module")
    return ast.parse(inspect.getsource(module)), module.__name__


def default_labels() -> set[str]:
    """Every installed app whose migrations are written here: not Django's own, and not a library's."""
    packages = packages_distributions()
    own = {each for name in (settings.SETTINGS_MODULE, __name__) for each in packages.get(_package(name), ())}
    installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}

    def is_library(config: Any) -> bool:
        is_installed = not installed.isdisjoint(Path(config.path).parents)
        return is_installed and own.isdisjoint(packages.get(_package(config.name), ()))

    return {
        config.label
        for config in apps.get_app_configs()
        if not (config.name.startswith("django.") or is_library(config))
    }


def _package(name: str) -> str:
    return name.partition(".")[0]
