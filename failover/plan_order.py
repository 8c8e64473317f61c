"""In which order the groups of a plan come up."""

from collections.abc import Iterable, Mapping
from typing import Any

from config.refusals import Conflict


class Circle(Conflict):
    """A group waits for itself through others; the details name them."""

    code = "circle"

    def __init__(self, names: list[str]) -> None:
        text = f"The groups {', '.join(names)} wait for each other: let one of them wait for none."
        super().__init__(text, details=[{"groups": names}])


def in_order(groups: Iterable[Any]) -> list[Any]:
    """The groups, each behind the one it depends on, else by their number. Raises Circle."""
    left = sorted(groups, key=lambda group: group.seq)
    known = {group.pk for group in left}
    done: list[Any] = []
    up: set[Any] = set()
    while left:
        free = next((each for each in left if each.depends_on_id not in known or each.depends_on_id in up), None)
        if free is None:
            raise Circle(_circle(left))
        left.remove(free)
        done.append(free)
        up.add(free.pk)
    return done


def waits_for(group: Any, by_key: Mapping[Any, Any], is_empty: Any) -> Any:
    """The group whose end this one really waits for: one with nothing to do is looked through."""
    before = by_key.get(group.depends_on_id)
    while before is not None and is_empty(before):
        before = by_key.get(before.depends_on_id)
    return before


def groups_before(group: Any) -> list[Any]:
    """The group, and those that have to be up before it, the nearest first; a circle is gone round once."""
    found: list[Any] = []
    following = group
    while following is not None and following not in found:
        found.append(following)
        following = following.depends_on
    return found


def _circle(left: list[Any]) -> list[str]:
    """Each of those that are left waits for another one of them, so whoever goes back far enough goes round."""
    by_key = {group.pk: group for group in left}
    group = left[0]
    for _ in left:
        group = by_key[group.depends_on_id]
    names, following = [group.name], by_key[group.depends_on_id]
    while following is not group:
        names.append(following.name)
        following = by_key[following.depends_on_id]
    return names
