"""What the catalogue answered, as JSON that gives back the same: tuples with their names, sets and keys of any kind."""

from collections import namedtuple
from typing import Any


def written(value: Any) -> Any:
    """A value in the form in which it is kept."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"n": [type(value).__name__, list(value._fields), [written(each) for each in value]]}
    if isinstance(value, dict):
        return {"d": [[key, written(each)] for key, each in value.items()]}
    for tag, kind in (("t", tuple), ("l", list), ("s", set)):
        if isinstance(value, kind):
            return {tag: [written(each) for each in (sorted(value) if kind is set else value)]}
    return value


def read(value: Any) -> Any:
    """The value of which `written` made this."""
    if not isinstance(value, dict):
        return value
    ((tag, items),) = value.items()
    if tag == "d":
        return {key: read(each) for key, each in items}
    if tag == "n":
        name, fields, values = items
        return namedtuple(name, fields)(*map(read, values))
    kinds: dict[str, Any] = {"t": tuple, "l": list, "s": set}
    return kinds[tag](read(each) for each in items)
