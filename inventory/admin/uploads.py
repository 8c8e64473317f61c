"""The import of an RVTools workbook: it is uploaded, its difference is read, and then it is applied or thrown away."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from config.admin import ReadOnlyAdmin, may, visible
from inventory.models import Organization, Outcome
from inventory.services.differences import sentences
from inventory.services.reports import Report, place_of
from inventory.services.uploads import (
    MOST_BYTES,
    RefusedFile,
    Upload,
    apply_upload,
    difference_of,
    find_upload,
    keep_upload,
    throw_away,
    too_large,
)

PERMISSION = "inventory.add_discoveryrun"
SHOWN = 200
"""How many outcomes of a kind the page lists."""
MEANINGS = {
    Outcome.ADDED: "would be added",
    Outcome.UPDATED: "would change",
    Outcome.MISSING: "are not in the workbook",
    Outcome.CONFLICT: "cannot be told from another",
    Outcome.FAILED: "cannot be stored",
    Outcome.UNCHANGED: "are as they were",
}


class Bounded(FileUploadHandler):
    """Stops reading a request whose file is too large, before it has filled a disk."""

    size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.size += len(raw_data)
        if self.size > MOST_BYTES:
            self.request.upload_is_too_large = True
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class UploadForm(forms.Form):
    workbook = forms.FileField(
        label="Workbook",
        help_text=f"An RVTools export as .xlsx, of at most {MOST_BYTES // 2**20} MiB.",
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
    )
    organization = forms.ModelChoiceField(Organization.objects.none(), label="Organisation", empty_label=None)
    into = forms.CharField(
        label="Into the vCenter",
        required=False,
        max_length=128,
        help_text="Its name here; empty: the vCenter that the workbook names.",
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(*args)
        self.fields["organization"].queryset = visible(request, Organization).order_by("name")


class UploadAdmin(ReadOnlyAdmin):
    """The list of discovery runs leads to the upload of a workbook."""

    change_list_template = "inventory/runs.html"

    def get_urls(self) -> list[Any]:
        # The view itself bounds what is read before the token of the form is looked for in it.
        upload = self.admin_site.admin_view(csrf_exempt(self.upload_view))
        difference = self.admin_site.admin_view(self.difference_view)
        return [
            path("upload/", csrf_exempt(upload), name="inventory_discoveryrun_upload"),
            path("upload/<str:token>/", difference, name="inventory_discoveryrun_difference"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_upload = {"may_upload": request.user.has_perm(PERMISSION)}
        return super().changelist_view(request, {**(extra_context or {}), **may_upload})

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        request.upload_handlers.insert(0, Bounded(request))
        guarded: Callable[[HttpRequest], HttpResponse] = csrf_protect(self._upload)
        return guarded(request)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request, *((request.POST, request.FILES) if request.method == "POST" else ()))
        if getattr(request, "upload_is_too_large", False):
            form.add_error(None, too_large())
        elif form.is_bound and form.is_valid():
            said = form.cleaned_data
            file = said["workbook"]
            try:
                upload = keep_upload(
                    file.chunks(),
                    file.name,
                    user=request.user,
                    organization=said["organization"],
                    into=said["into"],
                )
            except RefusedFile as refusal:
                form.add_error("workbook", str(refusal))
            else:
                return HttpResponseRedirect(reverse("admin:inventory_discoveryrun_difference", args=[upload.token]))
        return self._page(request, "inventory/upload.html", "Import an RVTools workbook", {"form": form})

    def difference_view(self, request: HttpRequest, token: str) -> HttpResponse:
        """What the workbook would change; sent, it is applied or thrown away."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        upload = find_upload(token, user=request.user)
        if upload is None:
            raise Http404("There is no such upload, or none any more: upload the workbook again.")
        organization = visible(request, Organization).filter(pk=upload.organization).first()
        if organization is None:
            raise Http404("There is no such organisation.")
        if not may(request.user, PERMISSION, organization):
            raise PermissionDenied
        if request.method == "POST" and "discard" in request.POST:
            throw_away(upload)
            messages.success(request, f"{upload.name} is thrown away; nothing was changed.")
            return HttpResponseRedirect(reverse("admin:inventory_discoveryrun_changelist"))
        by = request.user.get_username()
        try:
            if request.method == "POST":
                return self._applied(request, upload, apply_upload(upload, organization, by=by))
            report = difference_of(upload, organization, by=by)
        except RefusedFile as refusal:
            throw_away(upload)
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:inventory_discoveryrun_upload"))
        context = {"upload": upload, "organization": organization, **_shown(report)}
        return self._page(request, "inventory/difference.html", f"What {upload.name} would change", context)

    def _applied(self, request: HttpRequest, upload: Upload, report: Report) -> HttpResponse:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items()) or "no VMs"
        level = messages.SUCCESS if report.success else messages.WARNING
        messages.add_message(request, level, f"{upload.name} is applied: {counts}.")
        runs = [reverse("admin:inventory_discoveryrun_change", args=[run]) for run in report.run_ids]
        return HttpResponseRedirect(runs[0] if len(runs) == 1 else reverse("admin:inventory_discoveryrun_changelist"))

    def _page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> TemplateResponse:
        context |= {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, context)


def _shown(report: Report) -> dict[str, Any]:
    """A report as the page shows it: what changes first, and no more of each than can be read."""
    parts = []
    for outcome, meaning in MEANINGS.items():
        found = [each for each in report.outcomes if each.outcome == outcome]
        if found:
            # What stays as it is is a number.
            listed = [] if outcome == Outcome.UNCHANGED else found[:SHOWN]
            rows = [(each.name, each.reason, list(islice(sentences(each.changes or {}), 12))) for each in listed]
            parts.append({"outcome": outcome, "meaning": meaning, "count": len(found), "rows": rows})
    findings = [(each.severity, place_of(each), each.message) for each in report.findings]
    return {
        "parts": parts,
        "changes": any(each.outcome in (Outcome.ADDED, Outcome.UPDATED, Outcome.MISSING) for each in report.outcomes),
        "vcenters": ", ".join(report.vcenters),
        "findings": findings[:SHOWN],
        "findings_count": len(findings),
        "most": SHOWN,
    }
