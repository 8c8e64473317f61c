"""What the migrations that are applied have made, told from their state without asking the database."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.conf import settings
from django.db import router
from django.db.backends.utils import truncate_name
from django.db.migrations.state import ModelState, ProjectState


def expected_tables(connection: Any, state: ProjectState) -> set[str]:
    """The tables of a migration state on this connection, those of many-to-many fields too."""
    return {
        table
        for model in state.models.values()
        if has_table(connection, model, state)
        for table in _tables(connection, model)
    }


def present_tables(connection: Any, expected: Collection[str]) -> set[str]:
    """The tables and views that are there, spelled as expected."""
    spelled = spelling(expected, ignores_case=connection.features.ignores_table_name_case)
    return set(map(spelled, connection.introspection.table_names(include_views=True)))


def spelling(expected: Iterable[str], *, ignores_case: bool) -> Callable[[str], str]:
    """How a name that is there is spelled where it is expected; it may differ where the engine ignores case."""
    names = {name.casefold(): name for name in expected} if ignores_case else {}
    return lambda name: names.get(name.casefold(), name)


def touched_tables(connection: Any, before: ProjectState, after: ProjectState) -> set[str]:
    """The tables of the models in which two states differ."""
    in_both = before.models.keys() & after.models.keys()
    changed = {key for key in in_both if before.models[key] != after.models[key]}
    changed |= before.models.keys() ^ after.models.keys()
    return {
        table
        for state in (before, after)
        for key, model in state.models.items()
        if key in changed and has_table(connection, model, state)
        for table in _tables(connection, model)
    }


def has_table(connection: Any, model: ModelState, state: ProjectState) -> bool:
    """Whether migrations make a table for the model of this state on this connection."""
    swappable = model.options.get("swappable")
    own = f"{model.app_label}.{model.name_lower}"
    is_swapped = bool(swappable) and _label(getattr(settings, str(swappable), "")) != own
    return (
        bool(model.options.get("managed", True))
        and not model.options.get("proxy")
        and not model.options.get("abstract")
        and not is_swapped
        and (not settings.DATABASE_ROUTERS or _is_routed(connection, model, state))
    )


def _is_routed(connection: Any, model: ModelState, state: ProjectState) -> bool:
    """As Django's own operations ask, with the model as a hint; it has to be rendered for that."""
    rendered = state.apps.get_model(model.app_label, model.name_lower)
    return bool(router.allow_migrate_model(connection.alias, rendered))


def _label(label: str) -> str:
    app, _, name = label.partition(".")
    return f"{app}.{name.lower()}"


def _tables(connection: Any, model: ModelState) -> list[str]:
    most = connection.ops.max_name_length()
    own = truncate_name(str(model.options.get("db_table") or f"{model.app_label}_{model.name_lower}"), most)
    fields: dict[str, Any] = dict(model.fields)
    joins = [
        truncate_name(field.db_table or f"{own}_{name}", most)
        for name, field in fields.items()
        if field.many_to_many and field.remote_field.through is None
    ]
    # A name may hold a schema, too, which nobody looks into.
    return [name.strip('"') for name in (own, *joins) if '"."' not in name]
