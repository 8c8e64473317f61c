"""The audit log, for reading; second factors have no pages."""

from typing import Any

from auditlog.models import LogEntry  # type: ignore[import-untyped]
from django.contrib import admin
from django.http import HttpRequest

from config.admin import CappedPaginator, ReadOnlyAdmin, columns, when

admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """What people changed, in all organisations; each record's own history shows its members what concerns it."""

    list_display = (when("timestamp"), "actor", "remote_addr", "action", "content_type", "object_repr", "cid")
    list_display_links = ("object_repr",)
    list_select_related = ("actor", "content_type")
    list_filter = ("action", "timestamp")
    search_fields = ("object_pk__exact", "cid__exact", "actor__username__exact")
    search_help_text = "The key of a record, the id of a request, or the name of a person."
    ordering = ("-id",)
    sortable_by = ("id",)
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    fields = columns(LogEntry, without=("changes_text", "serialized_data", "object_id", "remote_port"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields
