"""Which records refer to which, read from the models."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, cast

from django.apps import apps
from django.db.models import ForeignKey, Model


class Reference(NamedTuple):
    """A foreign key `field` of `model` to `parent`."""

    model: type[Model]
    field: "ForeignKey[Any, Any]"
    parent: type[Model]


@cache
def references() -> tuple[Reference, ...]:
    """All foreign keys between tables, those of the tables between many and many included."""
    return tuple(
        Reference(model, field, cast(type[Model], field.related_model))
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey)
    )


def references_to(parent: type[Model]) -> Iterator[Reference]:
    return (reference for reference in references() if reference.parent is parent)


def children_first(*first: type[Model]) -> list[type[Model]]:
    """All models, each after those that refer to it: the order to delete in. `first` come as early as they can."""
    order: list[type[Model]] = []
    seen: set[type[Model]] = set()

    def visit(model: type[Model]) -> None:
        if model in seen:
            return
        seen.add(model)
        for reference in references_to(model):
            visit(reference.model)
        order.append(model)

    for model in (*first, *apps.get_models(include_auto_created=True)):
        visit(model)
    return order
