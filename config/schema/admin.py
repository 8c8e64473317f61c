"""The admin's pages of this app: the state of the schema, its history, and the tasks that a person approves."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.validators import RegexValidator
from django.db import connections, router
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.schema.backfill import fraction, pause, rate, resume, seconds_left, standing, way_on
from config.schema.models import (
    AnswerEntry,
    AppliedMigration,
    Approval,
    Backfill,
    OperationEntry,
    Probe,
    RecoveryTask,
    Run,
    StatementEntry,
    Step,
)
from config.schema.probe import approve, last_probe
from config.schema.state import read_state

PROBES_MISSED = 2
"""After so many probes that did not come, what the last one found is no longer taken for what is."""


class ReadOnly(admin.ModelAdmin):
    """History is seen, and never added to, changed or removed by hand."""

    list_per_page = 50
    show_full_result_count = False
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AppliedMigration)
class AppliedMigrationAdmin(ReadOnly):
    """What `schema_status` says, above what Django has recorded."""

    list_display = ("app", "name", "applied")
    list_filter = ("app",)
    search_fields = ("app", "name")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        connection = connections[router.db_for_read(AppliedMigration)]
        seen = last_probe(connection)
        context = {"title": "State of the schema", "schema": read_state(connection), "probe": seen}
        context["probe_is_old"] = seen is None or is_old(seen.last_at)
        return super().changelist_view(request, context | (extra_context or {}))


def is_old(at: Any) -> bool:
    """Whether a probe at this time says nothing of now."""
    age = (timezone.now() - at).total_seconds()
    return bool(age > PROBES_MISSED * getattr(settings, "SCHEMA_PROBE_SECONDS", 300))


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "command", "arguments", "by", "reason", "release", "started_at", "ended_at", "outcome")
    list_filter = ("outcome", "command")
    search_fields = ("by", "arguments", "reason")


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("id", "app", "name", "backwards", "faked", "started_at", "ended_at", "outcome")
    list_filter = ("outcome", "backwards", "faked", "app")
    search_fields = ("app", "name")
    list_select_related = ("run",)


@admin.register(OperationEntry)
class OperationEntryAdmin(ReadOnly):
    list_display = ("id", "step", "number", "is_code", "started_at", "ended_at", "decision")
    list_select_related = ("step",)


@admin.register(StatementEntry)
class StatementEntryAdmin(ReadOnly):
    list_display = ("id", "step", "operation", "number", "statement", "started_at", "ended_at", "decision")
    list_select_related = ("step",)
    search_fields = ("sql",)

    @admin.display(description="statement")
    def statement(self, entry: Any) -> str:
        return str(entry.sql[:120])


@admin.register(AnswerEntry)
class AnswerEntryAdmin(ReadOnly):
    list_display = ("id", "step", "operation", "number", "question")
    list_select_related = ("step",)


@admin.register(Probe)
class ProbeAdmin(ReadOnly):
    list_display = ("state", "first_at", "last_at", "milliseconds", "release", "host")
    list_filter = ("state",)


@admin.register(RecoveryTask)
class RecoveryTaskAdmin(ReadOnly):
    """A fault that the worker found. Who may change tasks may approve them; the worker then does it."""

    list_display = ("fault", "subject", "words", "command", "opened_at", "approved_by", "ended_at", "outcome", "error")
    list_filter = ("outcome", "fault")
    actions = ("approve",)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("schema.change_recoverytask"))

    @admin.action(description="Approve: let the worker run the command", permissions=["approve"])
    def approve(self, request: HttpRequest, chosen: Any) -> None:
        connection = connections[router.db_for_write(RecoveryTask)]
        for task in chosen.order_by("pk"):
            if approve(connection, task.pk, by=request.user.get_username()):
                self.message_user(request, f"{task} is approved; the worker does it at its next look.")
            else:
                words = "is mended by a person" if task.command is None else "was approved or has ended before"
                self.message_user(request, f"{task} {words}, so nothing was changed.", messages.WARNING)


@admin.register(Approval)
class ApprovalAdmin(ReadOnly):
    """Who may add approvals says yes to the plan of a digest that schema_plan shows; it is withdrawn, never removed."""

    list_display = ("digest", "approved_by", "reason", "approved_at", "withdrawn_by", "withdrawn_at")
    search_fields = ("digest", "approved_by")
    fields = ("digest", "reason")
    actions = ("withdraw",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("schema.add_approval"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **options)
        if not change:
            form.base_fields["digest"].validators.append(RegexValidator("^[0-9a-f]{64}$", "Copy it from schema_plan."))
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.approved_by, obj.approved_at = request.user.get_username()[:255], timezone.now()
        super().save_model(request, obj, form, change)

    @admin.action(description="Withdraw", permissions=["add"])
    def withdraw(self, request: HttpRequest, chosen: Any) -> None:
        words = {"withdrawn_by": request.user.get_username()[:255], "withdrawn_at": timezone.now()}
        count = chosen.filter(withdrawn_at=None).update(**words)
        self.message_user(request, f"{count} approvals are withdrawn.")


@admin.register(Backfill)
class BackfillAdmin(ReadOnly):
    """How far each backfill came. Who may change backfills may pause one, wherever it runs, and let it go on."""

    list_display = ("name", "app", "migration", "standing", "filled", "progress", "speed", "left", "last_at")
    list_filter = ("app",)
    search_fields = ("name", "app", "table_name")
    actions = ("pause", "resume")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("schema.change_backfill"))

    @admin.display(description="state")
    def standing(self, row: Any) -> str:
        return standing(row)

    @admin.display(description="gone through")
    def progress(self, row: Any) -> str:
        done = fraction(row)
        return f"{row.seen:,} of unknown" if done is None else f"{done:.0%}"

    @admin.display(description="rows/s")
    def speed(self, row: Any) -> str:
        speed = rate(row)
        return "unknown" if speed is None else f"{speed:,.0f}"

    @admin.display(description="seconds left")
    def left(self, row: Any) -> str:
        left = seconds_left(row)
        return "" if row.ended_at else "unknown" if left is None else f"{left:,.0f}"

    @admin.action(description="Pause", permissions=["steer"])
    def pause(self, request: HttpRequest, chosen: Any) -> None:
        connection = connections[router.db_for_write(Backfill)]
        for row in chosen.order_by("pk"):
            if pause(connection, row, by=request.user.get_username()):
                self.message_user(request, f"{row} is paused; a run that fills ends within one batch. {way_on(row)}")
            else:
                self.message_user(request, f"{row} has ended, so nothing was changed.", messages.WARNING)

    @admin.action(description="Resume", permissions=["steer"])
    def resume(self, request: HttpRequest, chosen: Any) -> None:
        connection = connections[router.db_for_write(Backfill)]
        for row in chosen.order_by("pk"):
            if resume(connection, row):
                self.message_user(request, f"{row} may go on; the next migrate does.")
            else:
                self.message_user(request, f"{row} has ended, so nothing was changed.", messages.WARNING)
