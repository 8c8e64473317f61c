"""Reads properties of whole sets of objects; nothing here or above reads one object at a time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim, vmodl

from inventory.sources.facts import storable
from inventory.sources.vcenter.session import Session

_COLLECTOR = vmodl.query.PropertyCollector
_ESCAPED = re.compile(r"%(2f|5c|25)", re.IGNORECASE)

Wanted = Mapping[Any, Iterable[str]]
"""Paths of properties by the type of object that has them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object as it was read: what has a value, and the faults of what could not be read."""

    ref: Any
    values: dict[str, Any]
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def moref(self) -> str:
        return str(self.ref._moId)

    @property
    def name(self) -> str | None:
        """The name as people see it: vCenter escapes slash, backslash and percent sign."""
        name = self.text("name")
        return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), name) if name else None

    def get(self, path: str) -> Any:
        return self.values.get(path)

    def text(self, path: str) -> str | None:
        return text_of(self.values.get(path))


def text_of(value: Any) -> str | None:
    """None for what is unset or empty."""
    return storable(str(value)) if value not in (None, "") else None


@contextmanager
def view_of(session: Session, container: Any, kinds: Iterable[type]) -> Iterator[Any]:
    """All objects of these types below the container, and of their subtypes."""
    view = session.content.viewManager.CreateContainerView(container, list(kinds), True)
    try:
        yield view
    finally:
        session.release(view)


def everything_in(view: Any) -> list[Any]:
    step = _COLLECTOR.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    return [_COLLECTOR.ObjectSpec(obj=view, skip=True, selectSet=[step])]


def members(session: Session, view: Any) -> list[Any]:
    """References of all objects in a view, which is what it costs to count them."""
    wanted = {vim.view.ContainerView: ["view"]}
    return [ref for page in pages(session, exactly([view]), wanted) for row in page for ref in row.get("view") or ()]


def members_named(session: Session, view: Any, names: frozenset[str]) -> list[Any]:
    """References of the objects in a view that have one of these names; reads the names of all, and nothing else."""
    wanted = {vim.ManagedEntity: ["name"]}
    return [row.ref for page in pages(session, everything_in(view), wanted) for row in page if row.name in names]


def exactly(refs: Iterable[Any]) -> list[Any]:
    return [_COLLECTOR.ObjectSpec(obj=ref) for ref in refs]


def pages(session: Session, objects: list[Any], wanted: Wanted, *, size: int | None = None) -> Iterator[list[Row]]:
    """One request for each page of at most `size` objects. An object deleted meanwhile is left out."""
    collector = session.content.propertyCollector
    properties = [_COLLECTOR.PropertySpec(type=kind, pathSet=list(paths)) for kind, paths in wanted.items()]
    question = _COLLECTOR.FilterSpec(objectSet=objects, propSet=properties, reportMissingObjectsInResults=True)
    answer = collector.RetrievePropertiesEx([question], _COLLECTOR.RetrieveOptions(maxObjects=size))
    while answer:
        yield [_row(content) for content in answer.objects]
        answer = collector.ContinueRetrievePropertiesEx(answer.token) if answer.token else None


def _row(content: Any) -> Row:
    return Row(
        ref=content.obj,
        values={prop.name: prop.val for prop in content.propSet},
        faults={prop.path: prop.fault for prop in content.missingSet},
    )
