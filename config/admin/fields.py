"""Form fields and widgets for columns that Django's own would store wrongly or show slowly."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models


class TrueOrUnset(forms.BooleanField):
    """A checkbox for a column that holds TRUE or NULL: left unticked it is NULL, never FALSE."""

    def to_python(self, value: Any) -> bool | None:
        return super().to_python(value) or None


class SeenVersion(forms.IntegerField):
    """The version of the record that the form was filled in from; not an input of its own."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class LoadedAutocomplete(AutocompleteSelect):
    """Django's, which does not ask the database for a record that the page has read already."""

    loaded: models.Model | None = None

    def optgroups(self, name: str, value: list[str], attr: dict[str, Any] | None = None) -> list[Any]:
        if self.loaded is None or list(map(str, value)) != [str(self.loaded.pk)]:
            return super().optgroups(name, value, attr)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        options.append(self.create_option(name, self.loaded.pk, str(self.loaded), True, len(options)))
        return [(None, options, 0)]


def offer(form: type[forms.BaseForm], name: str, records: models.QuerySet[Any], label: Any = str) -> None:
    """Let a field choose among these records only; they are read once for all rows of a page."""
    if name in form.base_fields:
        field: Any = form.base_fields[name]
        field.queryset = records
        field.choices = [("", "---------"), *((record.pk, label(record)) for record in records)]
