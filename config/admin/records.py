"""How a record's form fields come about, on a page of its own and as a row of another."""

from typing import Any

from django.db import models
from django.forms import SplitDateTimeField
from django.http import HttpRequest

from config.admin.columns import true_or_unset
from config.admin.fields import LoadedAutocomplete, TrueOrUnset
from config.admin.forms import HubForm
from config.admin.own_rows import OwnRows


class Records(OwnRows):
    """An empty text is stored as unknown; related records are those that their own list shows."""

    form = HubForm
    list_select_related: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # columns that no page shows and that are not read: `select_related` paths lead there

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        records = super().get_queryset(request).defer(*self.unread)
        return records.select_related(*self.list_select_related) if self.list_select_related else records

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.TextField) and db_field.null:
            kwargs.setdefault("empty_value", None)
        if isinstance(db_field, models.BooleanField) and true_or_unset(db_field):
            kwargs.setdefault("form_class", TrueOrUnset)
        formfield: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(formfield, SplitDateTimeField):
            for part, widget in zip(("date", "time"), formfield.widget.widgets, strict=True):
                widget.attrs["aria-label"] = f"{formfield.label}: {part}"
        return formfield

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = LoadedAutocomplete(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
