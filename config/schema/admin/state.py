"""The page of the shape of the database: it shows what `config.schema.overview` has read, and computes nothing."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import Error, connections, router
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from config.schema.admin.bases import ReadOnly
from config.schema.models import AppliedMigration
from config.schema.overview import is_at_work, read_overview

PROBES_MISSED = 2
"""After so many probes that did not come, what the last one found is no longer taken for what is."""
REFRESH_SECONDS = 5


@admin.register(AppliedMigration)
class AppliedMigrationAdmin(ReadOnly):
    """The page in the place of a list: what is applied, what is pending and what it will do, and who works at it."""

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.changelist_view)

        def state(request: HttpRequest) -> HttpResponse:
            """Who asks is written in the database as well, so without it nobody is asked to sign in."""
            try:
                response = page(request)
                return response.render() if isinstance(response, TemplateResponse) else response
            except Error:
                return HttpResponse(render_to_string("admin/schema/gone.html"))

        own = path("", state, name="schema_appliedmigration_changelist")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        connection = connections[router.db_for_write(AppliedMigration)]
        found = read_overview(connection)
        context = {
            **self.admin_site.each_context(request),
            "title": "State of the schema",
            "schema": found.state,
            "parts": found.parts,
            "at_work": is_at_work(found),
            "refresh": REFRESH_SECONDS,
            "probe_is_old": is_old(found.parts["probe"].value),
            "gate": getattr(settings, "SCHEMA_GATE", "none"),
            "may_see_requests": request.user.has_perm("schema.view_request"),
            "may_ask": request.user.has_perm("schema.add_request"),
            "may_tick": request.user.has_perm("schema.add_checklisttick"),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/schema/state.html", context)


def is_old(probe: Any) -> bool:
    """Whether a probe says nothing of now; so does one that nobody has made."""
    if probe is None:
        return True
    age = (timezone.now() - probe.last_at).total_seconds()
    return bool(age > PROBES_MISSED * getattr(settings, "SCHEMA_PROBE_SECONDS", 300))
