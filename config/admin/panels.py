"""What is told of a record above its fields: each app adds the part that it knows."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import site
from django.contrib.admin.options import BaseModelAdmin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string

from config.admin.actions import Acting


class Panel:
    """One part of a record's page, shown to those with the permission; a constant number of queries."""

    template: str
    permission: str
    place: int = 50
    """Panels stand in this order."""

    def widened(self, records: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The query for the record, with what this panel can have read along with it."""
        return records

    def facts(self, request: HttpRequest, record: Any) -> Mapping[str, Any]:
        """What the template shows."""
        raise NotImplementedError


class Panelled(Acting, BaseModelAdmin):
    """The page of a record with panels above its fields, and buttons for what a person may have done to it."""

    change_form_template = "admin/hub/record.html"
    panels: tuple[Panel, ...] = ()

    @classmethod
    def add_panel(cls, panel: Panel) -> None:
        """Let an app above tell what it knows on this page."""
        cls.panels = tuple(sorted((*cls.panels, panel), key=lambda each: each.place))

    def shown_panels(self, request: HttpRequest) -> list[Panel]:
        """Those that this person may see."""
        return [panel for panel in self.panels if request.user.has_perm(panel.permission)]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        records = self.get_queryset(request)
        for panel in self.shown_panels(request):
            records = panel.widened(records)
        field = self.opts.pk if from_field is None else self.opts.get_field(from_field)
        try:
            return records.get(**{field.name: field.to_python(object_id)})
        except (records.model.DoesNotExist, ValidationError, ValueError):
            return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        if obj is not None:
            context["panels"] = [
                render_to_string(panel.template, {"record": obj, **panel.facts(request, obj)}, request)
                for panel in self.shown_panels(request)
            ]
            context["buttons"] = self.action_buttons(request, obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


def visible(request: HttpRequest, model: type[models.Model]) -> models.QuerySet[Any]:
    """The records of a model that this person may know of, as the list of the model shows them."""
    return site.get_model_admin(model).get_queryset(request)
