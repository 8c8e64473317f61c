"""Which migrations a rollback takes back, the newest first; that they are taken back is the work of `migrate`."""

from collections.abc import Iterable
from typing import Any

from django.db.migrations.migration import Migration

from config.schema.exits import Refused

Key = tuple[str, str]


def newest_applied(executor: Any, count: int) -> list[Migration]:
    """The migration that was applied last of those on which nothing applied depends; and so on, `count` of them.

    Raises Refused where fewer are applied.
    """
    left, order = _applied(executor), _order(executor)
    taken: list[Migration] = []
    while len(taken) < count:
        free = [key for key in left if not _dependents(executor, key) & left]
        if not free:
            raise Refused(f"Only {len(taken)} migrations are applied, not {count}; say a smaller number.")
        key = max(free, key=lambda each: order.get(each, 0))
        left.remove(key)
        taken.append(executor.loader.graph.nodes[key])
    return taken


def back_to(executor: Any, app_label: str, name: str | None) -> list[Migration]:
    """What is unapplied so that this migration of the app is its last one (None: none is), what depends on it too.

    Raises Refused where that is not a way back.
    """
    if name is not None and (app_label, name) not in executor.loader.applied_migrations:
        raise Refused(f"{app_label}.{name} is not applied, so there is no way back to it; migrate goes forwards.")
    return [migration for migration, _ in executor.migration_plan([(app_label, name)])]


def chosen(executor: Any, keys: Iterable[Key]) -> list[tuple[Migration, bool]]:
    """The plan that unapplies these migrations, and no other. Raises Refused where they are no longer the newest."""
    left, plan = _applied(executor), []
    for key in keys:
        if key not in left or _dependents(executor, key) & left:
            raise Refused(f"{'.'.join(key)} is not what it was when this rollback was planned; say rollback again.")
        left.remove(key)
        plan.append((executor.loader.graph.nodes[key], True))
    return plan


def _applied(executor: Any) -> set[Key]:
    loader = executor.loader
    return {key for key in loader.applied_migrations if key in loader.graph.nodes}


def _dependents(executor: Any, key: Key) -> set[Key]:
    return {child.key for child in executor.loader.graph.node_map[key].children}


def _order(executor: Any) -> dict[Key, int]:
    """The order in which migrations were recorded; a squashed one stands where the last that it replaces does."""
    recorder, nodes = executor.recorder, executor.loader.graph.nodes
    rows = recorder.migration_qs.values_list("app", "name", "pk") if recorder.has_table() else ()
    recorded = {(app, name): pk for app, name, pk in rows}
    return {
        key: max(recorded.get(each, 0) for each in (key, *map(tuple, migration.replaces)))
        for key, migration in nodes.items()
    }
