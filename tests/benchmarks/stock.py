"""Django's own admin over the same records, to measure beside the staff pages: `/stock/`."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.urls import path

from config.urls import urlpatterns as ours

__all__ = ["STOCK", "urlpatterns"]

STOCK = admin.AdminSite(name="stock")


def stock_of(page: Any) -> type[admin.ModelAdmin]:
    """A plain ModelAdmin with the columns, searches, filters and order of one of ours, as far as Django has them.

    References are raw identifiers: the menus that Django makes of them hold a row for each VM.
    """
    opts = page.opts

    def is_field(name: str) -> bool:
        try:
            field = opts.get_field(name)
        except FieldDoesNotExist:
            return False
        return field.concrete and not field.many_to_many

    named = [column if isinstance(column, str) else column.__name__ for column in page.list_display]
    filters = [each if isinstance(each, str) else each[0] for each in page.list_filter if not isinstance(each, type)]
    return type(
        "Stock",
        (admin.ModelAdmin,),
        {
            "list_display": [name for name in named if is_field(name)] or ["__str__"],
            "list_filter": [(name, admin.EmptyFieldListFilter) if _is_null(opts, name) else name for name in filters],
            "search_fields": page.search_fields,
            "ordering": page.ordering,
            "list_per_page": page.list_per_page,
            "raw_id_fields": [field.name for field in opts.fields if field.is_relation],
        },
    )


def _is_null(opts: Any, name: str) -> bool:
    """Whether ours asks only if there is a value."""
    return "__" not in name and opts.get_field(name).null and not opts.get_field(name).is_relation


for model, its in admin.site._registry.items():
    if model._meta.app_label != "schema":
        STOCK.register(model, stock_of(its))

urlpatterns = [path("stock/", STOCK.urls), *ours]
