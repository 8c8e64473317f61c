"""The admin pages of network mappings, failover jobs, recovery plans and their runs."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest

from config.admin import (
    HubAdmin,
    HubForm,
    HubInline,
    Named,
    ReadOnlyAdmin,
    ReadOnlyInline,
    VersionedAdmin,
    WhetherSet,
    columns,
    duration,
    link,
    offer,
    plain,
    when,
)
from config.jobs.admin import JobAdmin, by_vm
from config.jobs.admin_actions import by
from failover.admin_actions import CleanUp, Commit, RollBack, SetBack, StartLiveFailover, StartTestFailover
from failover.admin_evidence import EvidenceAdmin
from failover.admin_networks import TargetNetworksInline
from failover.admin_panels import ReadinessPanel
from failover.admin_plan_actions import (
    AnswerStep,
    CancelPlanRun,
    CleanUpPlanRun,
    CommitPlanRun,
    RollBackPlanRun,
    StartLiveRun,
    StartTestRun,
)
from failover.admin_plan_panels import PlanPanel, PlanRunPanel
from failover.models import (
    FailoverJob,
    FailoverStep,
    RecoveryPlan,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    VolumeSnapshot,
)
from failover.plan_order import groups_before
from failover.services.plans import delete_plan, lock_plan, refuse_active_run, take_plan
from inventory.admin.contexts import VMContextAdmin
from replication.admin import TargetAdmin

TargetAdmin.add_inline(TargetNetworksInline)

VMContextAdmin.add_panel(ReadinessPanel())
for action in (StartTestFailover(), StartLiveFailover(), SetBack()):
    VMContextAdmin.add_action(action)


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
class FailoverJobAdmin(EvidenceAdmin):
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
    record_actions = (CleanUp(), RollBack(), Commit(), *JobAdmin.record_actions)


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


class PlanPartForm(HubForm):
    """A part of a plan, in which it stays."""

    @property
    def plan(self) -> RecoveryPlan | None:
        return self.cleaned_data.get("plan") or (self.instance.plan if self.instance.plan_id else None)


class RecoveryPlanGroupForm(PlanPartForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        plan, before = self.plan, self.cleaned_data.get("depends_on")
        if before is not None and (before == self.instance or before.plan_id != getattr(plan, "pk", None)):
            self.add_error("depends_on", "A group depends on another group of the same plan.")
        elif "depends_on" in self.changed_data and self.instance.pk and self.instance in groups_before(before):
            self.add_error("depends_on", f"{before} waits for this group already, so both would wait for ever.")
        return cleaned


class RecoveryPlanMemberForm(PlanPartForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        plan, group, vm = self.plan, self.cleaned_data.get("group"), self.cleaned_data.get("vm_context")
        if plan and group and group.plan_id != plan.pk:
            self.add_error("group", f"{group} is a group of another plan.")
        if plan and vm and vm.vcenter.organization_id != plan.organization_id:
            self.add_error("vm_context", f"{vm} belongs to another organisation than {plan}.")
        return cleaned


def groups_of(plan: RecoveryPlan | None) -> QuerySet[RecoveryPlanGroup]:
    """The groups that a row on the page of a plan may name, read once for all inlines."""
    if plan is None:
        return RecoveryPlanGroup.objects.none()
    prefetch_related_objects([plan], Prefetch("groups", RecoveryPlanGroup.objects.order_by("seq")))
    return plan.groups.all()


class GroupsInline(HubInline):
    model = RecoveryPlanGroup
    form = RecoveryPlanGroupForm
    verbose_name_plural = "groups"
    fields = ("seq", "name", "depends_on", "pause_seconds", "question", "answer_seconds", "default_answer")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        offer(formset.form, "depends_on", groups_of(obj))
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
        offer(formset.form, "group", groups_of(obj))
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
    panels = (PlanPanel(),)
    record_actions = (StartTestRun(), StartLiveRun())

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        # A member is put into a group, so the groups have to be there first.
        return self.inlines if obj is not None else (GroupsInline,)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and form.changed_data:
            refuse_active_run(lock_plan(obj.pk))
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A change of groups or VMs is one of the plan: of two that opened the same version one is refused."""
        if change and not form.changed_data and any(formset.has_changed() for formset in formsets):
            take_plan(form.instance.pk, version=form.cleaned_data["seen_version"] or 0)
        super().save_related(request, form, formsets, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_plan(obj, by=by(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for plan in queryset.order_by("pk"):
            delete_plan(plan, by=by(request))


class PlanPartAdmin(HubAdmin):
    """A group or a VM of a plan: it stays in its plan, and to change it is to change the plan."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else ("plan", *readonly)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.changed_data or not change:
            take_plan(obj.plan_id)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        take_plan(obj.plan_id)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for plan in sorted(set(queryset.values_list("plan_id", flat=True))):
            take_plan(plan)
        super().delete_queryset(request, queryset)


@admin.register(RecoveryPlanGroup)
class RecoveryPlanGroupAdmin(PlanPartAdmin):
    form = RecoveryPlanGroupForm
    list_display = ("name", "plan", "seq", "depends_on", duration("pause_seconds", "pause"))
    list_select_related = ("plan", "depends_on")
    list_filter = (("plan", Named),)
    search_fields = ("name", "plan__name")
    ordering = ("plan_id", "seq")
    fields = ("plan", "seq", "name", "depends_on", "pause_seconds", "question", "answer_seconds", "default_answer")
    autocomplete_fields = ("plan", "depends_on")


@admin.register(RecoveryPlanMember)
class RecoveryPlanMemberAdmin(PlanPartAdmin):
    form = RecoveryPlanMemberForm
    list_display = ("vm_context", "plan", "group", "is_critical")
    list_select_related = ("vm_context", "plan", "group")
    list_filter = (("plan", Named), "is_critical")
    search_fields = ("vm_context__name", "plan__name")
    ordering = ("id",)
    fields = ("plan", "group", "vm_context", "is_critical")
    autocomplete_fields = ("plan", "group", "vm_context")


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
    panels = (PlanRunPanel(),)
    record_actions = (AnswerStep(), CancelPlanRun(), CleanUpPlanRun(), RollBackPlanRun(), CommitPlanRun())


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
