"""Alerts, and the time series of hosts and VMs."""

from django.contrib import admin

from config.admin import CappedPaginator, ReadOnlyAdmin, WhetherSet, columns, page_link, when
from inventory.admin.actions import Acknowledge, Resolve
from inventory.admin.contexts import VMContextAdmin
from inventory.admin.sources import HostAdmin
from inventory.models import Alert, HostMetric, VMMetric


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What an alert says is read-only; a person acknowledges and resolves it."""

    list_display = (
        "code",
        "severity",
        "about",
        "message",
        when("raised_at", "raised"),
        *columns(Alert, "is_open"),
        "acknowledged_by",
        "resolved_by",
        when("resolved_at", "resolved"),
    )
    list_select_related = ("vm_context", "host", "acknowledged_by", "resolved_by")
    list_filter = (("resolved_at", WhetherSet), "severity", ("acknowledged_at", WhetherSet), "code")
    search_fields = ("code", "subject")
    ordering = ("-raised_at", "-id")
    record_actions = (Acknowledge(), Resolve())

    @admin.display(description="about", ordering="subject")
    def about(self, alert: Alert) -> str:
        return page_link(alert.vm_context or alert.host) if alert.vm_context or alert.host else alert.subject


class SampleAdmin(ReadOnlyAdmin):
    """A table of many millions of rows: found by what was measured, newest first, and never counted."""

    paginator = CappedPaginator
    ordering = ("-id",)
    sortable_by = ("id",)
    show_facets = admin.ShowFacets.NEVER


@admin.register(HostMetric)
class HostMetricAdmin(SampleAdmin):
    list_display = ("host_id", when("at"), "cpu_percent", "memory_percent")


@admin.register(VMMetric)
class VMMetricAdmin(SampleAdmin):
    list_display = ("vm_context_id", when("at"), "cpu_percent", "memory_percent")
    search_fields = ("vm_context_id__exact",)
    search_help_text = "The context id of a VM."


HostAdmin.add_named_in(HostMetric, "host_id")
VMContextAdmin.add_named_in(VMMetric, "vm_context_id")
