"""Alerts, and the time series of hosts and VMs."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.admin import CappedPaginator, ReadOnlyAdmin, WhetherSet, columns, page_link, when
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
    actions = ("acknowledge", "resolve")

    @admin.display(description="about", ordering="subject")
    def about(self, alert: Alert) -> str:
        return page_link(alert.vm_context or alert.host) if alert.vm_context or alert.host else alert.subject

    @admin.action(description="Acknowledge the selected alerts", permissions=["decide"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        now = timezone.now()
        still_to_do = Alert.objects.filter(acknowledged_at=None, resolved_at=None)
        self._decide(request, queryset, still_to_do, "Acknowledged", acknowledged_at=now, acknowledged_by=request.user)

    @admin.action(description="Resolve the selected alerts", permissions=["decide"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        still_to_do = Alert.objects.filter(resolved_at=None)
        self._decide(
            request,
            queryset,
            still_to_do,
            "Resolved",
            resolved_at=timezone.now(),
            resolved_by=request.user,
            is_open=None,
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("inventory.change_alert")

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Alert], still_to_do: QuerySet[Alert], done: str, **values: Any
    ) -> None:
        """Change those of the selected alerts that nobody has changed yet, and write down which these were."""
        chosen = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            still_to_do.filter(pk__in=chosen).update(**values, updated_at=timezone.now())
            changed = list(Alert.objects.filter(pk__in=chosen, **values))
            LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, change_message=f"{done}.")
        self.message_user(request, f"{done} {len(changed)} of the {len(chosen)} selected alerts.")


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
