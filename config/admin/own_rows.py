"""A person works with the rows of its organisations, and does there what its role there allows."""

from typing import Any

from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse

from config.access.scoping import may, scoped, writing


class OwnRows(BaseModelAdmin):
    """Lists, pages, inlines and choices hold the person's own rows only; what it may not see does not exist for it."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return scoped(super().get_queryset(request), request.user)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> models.QuerySet[Any] | None:
        """What a foreign key may name: rows of organisations in which the person may write records as this one."""
        try:
            choices = self.admin_site.get_model_admin(db_field.remote_field.model).get_queryset(request).using(db)
        except NotRegistered:
            ordered = super().get_field_queryset(db, db_field, request)
            choices = db_field.remote_field.model._default_manager.using(db) if ordered is None else ordered
        return scoped(choices, request.user, *writing(self.model))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may(request, "delete", obj)

    def _may(self, request: HttpRequest, verb: str, record: Any) -> bool:
        """Whether the role is enough where the record belongs; for a row of a page that is the record of the page."""
        permission = f"{self.opts.app_label}.{get_permission_codename(verb, self.opts)}"
        return record is None or record._state.adding or may(request.user, permission, record)


class OwnPages(OwnRows):
    """The same for a list with its actions, and for the page of a record."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = None if "\0" in object_id else super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "action" in request.POST and request.POST["action"] not in ("", *self.get_actions(request)):
            raise PermissionDenied
        answer: HttpResponse = super().changelist_view(request, *args, **kwargs)
        return answer

    def response_action(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        chosen = scoped(queryset, request.user, *writing(self.model))
        answer: HttpResponse | None = super().response_action(request, chosen)
        return answer
