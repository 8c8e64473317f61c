"""What the pages of all kinds of job share, and the events of all jobs."""

from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from config.admin import CappedPaginator, Named, ReadOnlyAdmin, columns, human_percent, human_size, scoped, when
from config.jobs.admin_actions import CancelJob, TakeOverJob
from config.jobs.admin_panels import JobsPanel
from config.jobs.models import IdempotencyKey, Job, JobEvent
from inventory.admin.contexts import VMContextAdmin
from inventory.models import VMContext, VMDisk

SHARED = tuple(field.name for field in Job._meta.fields)
PROGRESS = ("progress_percent", "bytes_done", "bytes_total", "progress_at", "started_at", "completed_at", "engine")
RECORD = ("created_by", "created_at", "updated_at", "version")


MOST_VMS = 500
"""A part of a name that more VMs have is no search; only those first found are taken."""


FEW_VMS = 500


def few_of(vms: Any) -> list[Any] | None:
    """The keys of these VMs where they are at most FEW_VMS; None: they are more.

    A database that is asked for the newest rows of an organisation goes back in time until it has found enough of them:
    through all rows there are, where the organisation is a small one. Told its VMs by their keys it uses their index.
    """
    keys = list(vms.order_by().values_list("pk", flat=True)[: FEW_VMS + 1])
    return None if len(keys) > FEW_VMS else keys


class OfFewVMs(Named):
    """An organisation or a vCenter of the VM, at the end of a path through `vcenter`."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        narrowed = super().queryset(request, queryset)  # which refuses what is no key
        if not self.used_parameters:
            return narrowed
        vm = self.field_path.partition("__vcenter")[0]
        asked = {name.removeprefix(f"{vm}__"): value for name, value in self.used_parameters.items()}
        few = few_of(VMContext.objects.filter(build_q_object_from_lookup_parameters(asked)))
        return narrowed if few is None else queryset.filter(**{f"{vm}__in": few})


class ManyRowsAdmin(ReadOnlyAdmin):
    """Rows of VMs, of which there are millions: a person who sees few VMs is given theirs by the keys of these."""

    def vm_path(self) -> str:
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        few = _few_seen(request)
        return rows if few is None else rows.filter(**{f"{self.vm_path()}__in": few})


def _few_seen(request: Any) -> list[Any] | None:
    """The keys of the VMs that the person sees, where they are few; read once for one request."""
    if not hasattr(request, "few_vms_seen"):
        request.few_vms_seen = few_of(scoped(VMContext.objects.all(), request.user))
    found: list[Any] | None = request.few_vms_seen
    return found


class JobDiskAdmin(ManyRowsAdmin):
    """The disks that jobs worked on: a row for each disk of each run, more than can be looked through."""

    def vm_path(self) -> str:
        return "job__vm_context"

    search_fields: tuple[str, ...] = ("job__id__exact",)
    search_help_text = "The id of a job, or a part of a VM's name."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        for word in search_term.split():
            disks = VMDisk.objects.filter(vm_context__name__icontains=word).order_by().values_list("pk", flat=True)
            queryset = queryset.filter(Q(job=word) | Q(vm_disk__in=list(disks[:MOST_VMS])))
        return queryset, False


class JobAdmin(ManyRowsAdmin):
    """A job is moved by engines and by its own pages, never by editing its row."""

    def vm_path(self) -> str:
        return str(self.model.VM)

    record_actions = (CancelJob(), TakeOverJob())
    search_help_text = "The beginning of a job's id, or a part of its VM's name."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Each word is the beginning of an id, or a part of the names of VMs.

        Both are found by indexes of the jobs, which are millions: names are looked through among the VMs, thousands.
        """
        for word in search_term.split():
            named = VMContext.objects.filter(name__icontains=word).order_by().values_list("pk", flat=True)[:MOST_VMS]
            begins = Q(**{f"{self.model.PUBLIC_ID}__startswith": word})
            queryset = queryset.filter(begins | Q(**{f"{self.model.VM}__in": list(named)}))
        return queryset, False

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
        return format_html('<span class="job">{}</span>', str(job))

    job.exports = str

    @admin.display(description="progress", ordering="progress_percent")
    def progress(self, job: Any) -> str:
        part = human_percent(job.progress_percent)
        if job.bytes_done is None:
            return part
        copied = f"{human_size(job.bytes_done)} of {human_size(job.bytes_total)}"
        return format_html('{}<span class="small quiet beneath">{}</span>', part, copied)

    progress.exports = attrgetter("progress_percent")

    @admin.display(description="events")
    def events(self, job: Any) -> str:
        page = reverse("admin:jobs_jobevent_changelist")
        return format_html('<a href="{}?{}">Moves of this job</a>', page, urlencode({"job_id": str(job)}))


def by_vm(path: str) -> tuple[Any, ...]:
    """Filters of a list by the organisation and the vCenter of the VM at the end of this path."""
    return (f"{path}__vcenter__organization", OfFewVMs), (f"{path}__vcenter", OfFewVMs)


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
VMContextAdmin.add_panel(JobsPanel())
