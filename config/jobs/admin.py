"""What the pages of all kinds of job share, and the events of all jobs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from config.admin import CappedPaginator, Named, ReadOnlyAdmin, columns, human_percent, human_size, when
from config.jobs.models import IdempotencyKey, Job, JobEvent
from inventory.admin.contexts import VMContextAdmin

SHARED = tuple(field.name for field in Job._meta.fields)
PROGRESS = ("progress_percent", "bytes_done", "bytes_total", "progress_at", "started_at", "completed_at", "engine")
RECORD = ("created_by", "created_at", "updated_at", "version")


class JobAdmin(ReadOnlyAdmin):
    """A job is moved by engines and by its own pages, never by editing its row."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        _, *see_also = super().get_fieldsets(request, obj)
        return [
            (None, {"fields": [*columns(self.model, without=SHARED), "error_code", "error_message", "events"]}),
            ("Progress", {"fields": columns(self.model, *PROGRESS)}),
            ("Record", {"fields": columns(self.model, *RECORD)}),
            *see_also,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "events")

    @admin.display(description="job")
    def job(self, job: Any) -> str:
        return format_html('<span style="display: inline-block; min-width: 16em">{}</span>', str(job))

    @admin.display(description="progress", ordering="progress_percent")
    def progress(self, job: Any) -> str:
        part = human_percent(job.progress_percent)
        if job.bytes_done is None:
            return part
        copied = f"{human_size(job.bytes_done)} of {human_size(job.bytes_total)}"
        return format_html('{}<span class="small quiet" style="display: block">{}</span>', part, copied)

    @admin.display(description="events")
    def events(self, job: Any) -> str:
        page = reverse("admin:jobs_jobevent_changelist")
        return format_html('<a href="{}?{}">Moves of this job</a>', page, urlencode({"job_id": str(job)}))


def by_vm(path: str) -> tuple[Any, ...]:
    """Filters of a list by the organisation and the vCenter of the VM at the end of this path."""
    return (f"{path}__vcenter__organization", Named), (f"{path}__vcenter", Named)


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin):
    list_display = (when("at"), "job_kind", "job_id", "from_status", "to_status", "actor", "reason", "request_id")
    list_display_links = ("job_id",)
    search_fields = ("job_id__exact", "vm_context_id__exact")
    search_help_text = "The id of a job or of a VM context."
    ordering = ("-id",)
    sortable_by = ("id",)
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """The answers themselves are not shown: one may hold a key that its caller was shown once."""

    list_display = ("key", "caller", "answer_status", when("created_at"), when("expires_at"))
    hidden = unread = ("answer", "request_digest")
    list_filter = ("answer_status",)
    search_fields = ("key", "caller")
    ordering = ("-id",)


VMContextAdmin.add_named_in(JobEvent, "vm_context_id")
