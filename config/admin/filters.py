"""Filters of lists."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import EmptyFieldListFilter, RelatedFieldListFilter

from config.access.scoping import scoped


class Named(RelatedFieldListFilter):
    """A choice among the records of a small table that have a name; it reads nothing else of them."""

    def field_choices(self, field: Any, request: Any, model_admin: Any) -> list[tuple[Any, str]]:
        named = scoped(field.related_model._default_manager.all(), request.user)
        return list(named.order_by("name").values_list("pk", "name"))


class WhetherSet(EmptyFieldListFilter):
    """Whether a nullable column has a value."""

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        words = {"1": "no", "0": "yes"}
        for lookup, choice in zip((None, "1", "0"), super().choices(changelist), strict=True):
            yield choice | ({"display": words[lookup]} if lookup else {})
