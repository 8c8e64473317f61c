"""What is recorded of the migrations, compared with their files."""

import functools
from collections.abc import Iterator
from typing import Any

from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader

from config.schema.digest import migration_digest
from config.schema.drift.difference import Difference
from config.schema.journal import recorded_digests


def history_differences(connection: Any, loader: Any = None) -> list[Difference]:
    """What is recorded in an impossible order, applied otherwise than its file says, or has lost its file.

    `loader`: one that has read this connection. What is recorded after all that this code knows of its app is no
    difference: a newer release has been here (`migrations_ahead`).
    """
    loader = loader or MigrationLoader(connection)
    return [*_inconsistent(connection, loader), *_edited(connection, loader), *_lost(loader)]


def migrations_ahead(loader: Any) -> list[tuple[str, str]]:
    """What is applied and unknown to this code, as app and name, but for what has only lost its file."""
    return sorted({*_unknown(loader)} - {*lost_migrations(loader)})


def lost_migrations(loader: Any) -> list[tuple[str, str]]:
    """What is recorded before others of its app and has no file, as app and name."""
    last: dict[str, int] = {}
    for app, name in {*loader.applied_migrations} & {*loader.disk_migrations}:
        last[app] = max(last.get(app, 0), _place(loader, (app, name)))
    return sorted(key for key in _unknown(loader) if _place(loader, key) < last.get(key[0], 0))


def _unknown(loader: Any) -> Iterator[tuple[str, str]]:
    known = {*loader.disk_migrations, *loader.replacements}
    return (key for key in loader.applied_migrations if key not in known)


def _place(loader: Any, key: tuple[str, str]) -> int:
    """The number of its record; 0 where only those that it replaces are recorded."""
    return getattr(loader.applied_migrations[key], "pk", 0)


def _inconsistent(connection: Any, loader: Any) -> Iterator[Difference]:
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory as error:
        yield Difference("inconsistent_history", None, None, str(error))


@functools.cache
def _digest_of(migration: Any) -> str:
    return migration_digest(migration("", ""))


def _edited(connection: Any, loader: Any) -> Iterator[Difference]:
    for key, digest in recorded_digests(connection).items():
        migration = loader.disk_migrations.get(key)
        kind: Any = type(migration)
        if migration and key in loader.applied_migrations and _digest_of(kind) != digest:
            yield Difference("edited", None, str(migration), f"{migration} was edited after it was applied here.")


def _lost(loader: Any) -> Iterator[Difference]:
    for app, name in lost_migrations(loader):
        words = f"{app}.{name} is recorded before others of its app, and has no file."
        yield Difference("lost", None, f"{app}.{name}", words)
