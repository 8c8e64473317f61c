"""Records that are shown as rows on the page of another."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.admin.columns import Column
from config.admin.records import Records


class HubInline(Records, admin.TabularInline):
    extra = 0
    show_change_link = True


class ReadOnlyInline(HubInline):
    """Rows that engines, discovery or other pages write: they are shown and lead to their pages."""

    can_delete = False
    max_num = 0
    fields: tuple[Column, ...]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
