"""What discovery did."""

from typing import Any

from django.contrib import admin

from config.admin import Named, ReadOnlyAdmin, link, when
from inventory.admin.uploads import UploadAdmin
from inventory.models import DiscoveryOutcome, DiscoveryRun


@admin.register(DiscoveryRun)
class DiscoveryRunAdmin(UploadAdmin):
    list_display = (
        "source_name",
        "source_kind",
        "vcenter",
        "status",
        "outcomes",
        "findings_total",
        when("started_at"),
        when("completed_at"),
        "added_by",
        "error_code",
    )
    list_select_related = ("vcenter__organization",)
    unread = ("vcenter__password", "vcenter__ca_certificate")
    list_filter = ("status", "source_kind", ("vcenter__organization", Named), ("vcenter", Named))
    search_fields = ("source_name", "added_by", "error_code")
    ordering = ("-started_at", "-id")

    @admin.display(description="outcomes")
    def outcomes(self, run: DiscoveryRun) -> str:
        counts: dict[str, Any] = run.counts if isinstance(run.counts, dict) else {}
        return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "-"


@admin.register(DiscoveryOutcome)
class DiscoveryOutcomeAdmin(ReadOnlyAdmin):
    list_display = (
        "vm_name",
        "outcome",
        "reason",
        link("vm_context"),
        link("run"),
    )
    list_select_related = ("run", "vm_context")
    list_filter = ("outcome", ("run__vcenter", Named))
    search_fields = ("vm_name", "vm_context__context_id__exact")
    ordering = ("-id",)
