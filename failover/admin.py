"""The admin pages of network mappings, failover jobs, recovery plans and their runs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.admin import (
    HubAdmin,
    HubForm,
    HubInline,
    Named,
    ReadOnlyAdmin,
    ReadOnlyInline,
    VersionedAdmin,
    VersionedForm,
    WhetherSet,
    columns,
    duration,
    link,
    offer,
    plain,
    when,
)
from config.jobs.admin import JobAdmin, by_vm
from failover.models import (
    FailoverJob,
    FailoverStep,
    NetworkMapping,
    Purpose,
    RecoveryPlan,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    VolumeSnapshot,
)
from inventory.admin.contexts import VMContextAdmin
from replication.models import Isolation, TargetNetwork


class NetworkMappingForm(VersionedForm):
    """A test mapping leads to an isolated network, and no mapping leads to another organisation's."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        vm, network = self.cleaned_data.get("vm_context"), self.cleaned_data.get("target_network")
        if vm is None or network is None:
            return cleaned
        if network.target.organization_id != vm.vcenter.organization_id:
            self.add_error("target_network", f"{network} belongs to another organisation than {vm}.")
        if self.cleaned_data.get("purpose") == Purpose.TEST and network.isolation != Isolation.ISOLATED:
            self.add_error(
                "target_network", f"A test may only lead to an isolated network; {network} is not known to be."
            )
        return cleaned


@admin.register(NetworkMapping)
class NetworkMappingAdmin(VersionedAdmin):
    form = NetworkMappingForm
    list_display = (
        "source_network_name",
        "purpose",
        link("vm_context", "VM"),
        link("target_network"),
        "target_network__isolation",
        "target_network__target",
    )
    list_select_related = ("vm_context", "target_network__target")
    unread = ("target_network__target__api_key", "target_network__target__secret_key")
    list_filter = ("purpose", "target_network__isolation", *by_vm("vm_context"), ("target_network__target", Named))
    search_fields = ("vm_context__name", "source_network_name", "target_network__name")
    ordering = ("vm_context_id", "source_network_name", "purpose")
    fields = ("vm_context", "source_network_name", "purpose", "target_network")
    autocomplete_fields = ("vm_context", "target_network")


class NetworkMappingsInline(HubInline):
    model = NetworkMapping
    form = NetworkMappingForm
    fields = ("source_network_name", "purpose", "target_network")
    list_select_related = ("target_network",)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        networks = TargetNetwork.objects.select_related("target").defer("target__api_key", "target__secret_key")
        if obj is not None:
            networks = networks.filter(target__organization=obj.vcenter.organization_id)
        offer(formset.form, "target_network", networks, lambda to: f"{to.name} ({to.isolation}, {to.target.name})")
        return formset


VMContextAdmin.add_inline(NetworkMappingsInline)


class FailoverStepsInline(ReadOnlyInline):
    model = FailoverStep
    verbose_name_plural = "steps"
    fields = ("seq", "name", "status", "attempts", *columns(FailoverStep, "started_at", "completed_at"), "message")


class VolumeSnapshotsInline(ReadOnlyInline):
    model = VolumeSnapshot
    verbose_name_plural = "snapshots"
    list_select_related = ("volume",)
    fields = ("volume", "snapshot_id", "status", *columns(VolumeSnapshot, "created_at"), "error_message")


@admin.register(FailoverJob)
class FailoverJobAdmin(JobAdmin):
    list_display = (
        "job",
        link("vm_context", "VM"),
        plain("job_type", "kind"),
        "status",
        "aftermath",
        "progress",
        when("created_at", "created"),
        when("completed_at", "ended"),
        "override_by",
        "error_code",
    )
    list_select_related = ("vm_context", "replication_job", "target")
    unread = ("target__api_key", "target__secret_key")
    list_filter = ("status", "aftermath", "job_type", ("override_by", WhetherSet), *by_vm("vm_context"))
    search_fields = ("job_id", "source_vm_name")
    ordering = ("-created_at",)
    inlines = (FailoverStepsInline, VolumeSnapshotsInline)


@admin.register(FailoverStep)
class FailoverStepAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "job",
        "seq",
        "status",
        "attempts",
        *columns(FailoverStep, "started_at", "completed_at"),
        "message",
    )
    list_select_related = ("job",)
    list_filter = ("status", "job__job_type")
    search_fields = ("job__job_id", "name")
    ordering = ("-id",)


@admin.register(VolumeSnapshot)
class VolumeSnapshotAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "volume", "job", "status", *columns(VolumeSnapshot, "created_at", "updated_at"))
    list_select_related = ("volume", "job")
    list_filter = ("status",)
    search_fields = ("snapshot_id", "job__job_id")
    ordering = ("-id",)


class RecoveryPlanGroupForm(HubForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        plan, before = self.cleaned_data.get("plan"), self.cleaned_data.get("depends_on")
        if before is not None and (before == self.instance or before.plan_id != getattr(plan, "pk", None)):
            self.add_error("depends_on", "A group depends on another group of the same plan.")
        return cleaned


class RecoveryPlanMemberForm(HubForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        plan, group, vm = (self.cleaned_data.get(name) for name in ("plan", "group", "vm_context"))
        if plan and group and group.plan_id != plan.pk:
            self.add_error("group", f"{group} is a group of another plan.")
        if plan and vm and vm.vcenter.organization_id != plan.organization_id:
            self.add_error("vm_context", f"{vm} belongs to another organisation than {plan}.")
        return cleaned


class GroupsInline(HubInline):
    model = RecoveryPlanGroup
    form = RecoveryPlanGroupForm
    verbose_name_plural = "groups"
    fields = ("seq", "name", "depends_on", "pause_seconds")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        offer(formset.form, "depends_on", RecoveryPlanGroup.objects.filter(plan=obj).order_by("seq"))
        return formset


class MembersInline(HubInline):
    model = RecoveryPlanMember
    form = RecoveryPlanMemberForm
    verbose_name_plural = "members"
    fields = ("vm_context", "group", "is_critical")
    autocomplete_fields = ("vm_context",)
    list_select_related = ("vm_context",)
    ordering = ("group__seq", "id")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        offer(formset.form, "group", RecoveryPlanGroup.objects.filter(plan=obj).order_by("seq"))
        return formset


@admin.register(RecoveryPlan)
class RecoveryPlanAdmin(VersionedAdmin):
    list_display = ("name", "organization", duration("rto_seconds", "RTO"), when("updated_at"))
    list_select_related = ("organization",)
    list_filter = (("organization", Named),)
    search_fields = ("name",)
    ordering = ("name", "id")
    fields = ("organization", "name", "description", "rto_seconds")
    autocomplete_fields = ("organization",)
    inlines = (GroupsInline, MembersInline)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        # A member is put into a group, so the groups have to be there first.
        return self.inlines if obj is not None else (GroupsInline,)


@admin.register(RecoveryPlanGroup)
class RecoveryPlanGroupAdmin(HubAdmin):
    form = RecoveryPlanGroupForm
    list_display = ("name", "plan", "seq", "depends_on", duration("pause_seconds", "pause"))
    list_select_related = ("plan", "depends_on")
    list_filter = (("plan", Named),)
    search_fields = ("name", "plan__name")
    ordering = ("plan_id", "seq")
    fields = ("plan", "seq", "name", "depends_on", "pause_seconds")
    autocomplete_fields = ("plan", "depends_on")


@admin.register(RecoveryPlanMember)
class RecoveryPlanMemberAdmin(HubAdmin):
    form = RecoveryPlanMemberForm
    list_display = ("vm_context", "plan", "group", "is_critical")
    list_select_related = ("vm_context", "plan", "group")
    list_filter = (("plan", Named), "is_critical")
    search_fields = ("vm_context__name", "plan__name")
    ordering = ("id",)
    fields = ("plan", "group", "vm_context", "is_critical")
    autocomplete_fields = ("plan", "group", "vm_context")


class RecoveryPlanStepsInline(ReadOnlyInline):
    model = RecoveryPlanStep
    verbose_name_plural = "steps"
    list_select_related = ("failover_job", "confirmed_by")
    fields = (
        "seq",
        "kind",
        "title",
        "status",
        "failover_job",
        *columns(RecoveryPlanStep, "deadline"),
        "confirmed_by",
        *columns(RecoveryPlanStep, "completed_at"),
        "message",
    )


@admin.register(RecoveryPlanRun)
class RecoveryPlanRunAdmin(ReadOnlyAdmin):
    list_display = (
        "plan",
        "kind",
        "status",
        "started_by",
        *columns(RecoveryPlanRun, "created_at", "started_at", "completed_at"),
        "reason",
    )
    list_select_related = ("plan",)
    list_filter = ("status", "kind", ("plan__organization", Named), ("plan", Named))
    search_fields = ("plan__name", "started_by")
    ordering = ("-id",)
    inlines = (RecoveryPlanStepsInline,)


@admin.register(RecoveryPlanStep)
class RecoveryPlanStepAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        link("run__plan"),
        "seq",
        "kind",
        "status",
        "failover_job",
        *columns(RecoveryPlanStep, "deadline", "completed_at"),
        "confirmed_by",
    )
    list_select_related = ("run__plan", "failover_job", "confirmed_by")
    list_filter = ("status", "kind", ("run__plan", Named))
    search_fields = ("title", "run__plan__name")
    ordering = ("-id",)
