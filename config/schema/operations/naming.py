"""Indexes, constraints and expressions that name fields: which, and the same with other names."""

from collections.abc import Callable
from typing import Any

from django.db.models import F, Q, Value
from django.db.models.constants import LOOKUP_SEP

NAMES = ("fields", "include")
"""What an index or a constraint is given as names of fields, and not as expressions."""
Rename = Callable[[str], str]


def renamed(thing: Any, rename: Rename) -> Any:
    """The same index, constraint or expression, made anew with each field called what `rename` makes of its name.

    Made anew, as they keep what they were made of, and a migration is written from that.
    """
    if isinstance(thing, Value):
        return thing
    if isinstance(thing, Q):
        return Q.create([_of_condition(each, rename) for each in thing.children], thing.connector, thing.negated)
    if isinstance(thing, F):
        return type(thing)(_path(thing.name, rename))
    if isinstance(thing, list | tuple):
        return type(thing)(renamed(each, rename) for each in thing)
    if not hasattr(thing, "deconstruct") or not (hasattr(thing, "resolve_expression") or hasattr(thing, "create_sql")):
        return thing
    _, arguments, keywords = thing.deconstruct()
    made_of = [_path(each, rename) if isinstance(each, str) else renamed(each, rename) for each in arguments]
    said = {
        key: [_ordered(each, rename) for each in value] if key in NAMES else renamed(value, rename)
        for key, value in keywords.items()
    }
    return type(thing)(*made_of, **said)


def names_in(thing: Any) -> set[str]:
    """The names of the model's own fields that it speaks of; of a function, also words that could be such."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return name

    renamed(thing, note)
    return found


def _of_condition(child: Any, rename: Rename) -> Any:
    if not isinstance(child, tuple):
        return renamed(child, rename)
    lookup, value = child
    return _path(lookup, rename), renamed(value, rename)


def _path(lookup: str, rename: Rename) -> str:
    first, *rest = lookup.split(LOOKUP_SEP)
    return LOOKUP_SEP.join([rename(first), *rest])


def _ordered(name: str, rename: Rename) -> str:
    return f"-{rename(name[1:])}" if name.startswith("-") else rename(name)
