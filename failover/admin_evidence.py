"""The evidence of a failover on a page of the admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from config.jobs.admin import JobAdmin
from config.refusals import Refusal
from failover.evidence import evidence_of, parts_of


class EvidenceAdmin(JobAdmin):
    """The page of a failover job leads to its evidence, once it is over."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.evidence_view)
        return [path("<path:object_id>/evidence/", view, name="failover_failoverjob_evidence"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        (title, options), *others = super().get_fieldsets(request, obj)
        return [(title, options | {"fields": [*options["fields"], "evidence"]}), *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "evidence")

    @admin.display(description="evidence")
    def evidence(self, job: Any) -> str:
        if job.is_active:
            return "when it is over"
        page = reverse("admin:failover_failoverjob_evidence", args=[quote(job.pk)])
        return format_html('<a href="{}">What was done and found, sealed</a>', page)

    def evidence_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, unquote(object_id))
        if job is None or not self.has_view_permission(request, job):
            raise Http404("There is no such failover job.")
        try:
            document = evidence_of(job)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:failover_failoverjob_change", args=[quote(job.pk)]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Evidence of {job.job_id}",
            "opts": self.opts,
            "job": job,
            **parts_of(document),
        }
        return TemplateResponse(request, "failover/admin_evidence.html", context)
