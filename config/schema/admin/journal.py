"""The history of the schema, the tasks and the plans that a person approves, the checklist and the backfills."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db import connections, router
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from config.schema.admin.bases import ReadOnly
from config.schema.backfill import fraction, pause, rate, resume, seconds_left, standing, way_on
from config.schema.checklist import read_checklist, sql_of, tick, withdraw
from config.schema.exits import SchemaError
from config.schema.models import (
    AnswerEntry,
    Approval,
    Backfill,
    ChecklistTick,
    OperationEntry,
    Probe,
    RecoveryTask,
    Run,
    StatementEntry,
    Step,
)
from config.schema.plan import read_plan
from config.schema.probe import approve
from config.schema.rehearsal import newest_rehearsal, words_of


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

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, *(("rehearsal",) if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("rehearsal",) if obj else ()))

    @admin.display(description="rehearsal")
    def rehearsal(self, approval: Any) -> str:
        row = newest_rehearsal(connections[router.db_for_read(Approval)], approval.digest)
        return words_of(row) if row else "none of this plan is known"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.approved_by, obj.approved_at = request.user.get_username()[:255], timezone.now()
        super().save_model(request, obj, form, change)

    @admin.action(description="Withdraw", permissions=["add"])
    def withdraw(self, request: HttpRequest, chosen: Any) -> None:
        words = {"withdrawn_by": request.user.get_username()[:255], "withdrawn_at": timezone.now()}
        count = chosen.filter(withdrawn_at=None).update(**words)
        self.message_user(request, f"{count} approvals are withdrawn.")


@admin.register(ChecklistTick)
class ChecklistTickAdmin(ReadOnly):
    """The checklist of what is pending, and below it who has ticked what. Who may add ticks ticks and withdraws."""

    list_display = ("item", "note", "ticked_by", "ticked_at", "withdrawn_by", "withdrawn_at", "digest")
    list_filter = ("item",)
    search_fields = ("digest", "ticked_by", "note")
    actions = ("withdraw",)

    def has_tick_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("schema.add_checklisttick"))

    def get_urls(self) -> list[Any]:
        own = path("tick/", self.admin_site.admin_view(self.tick_view), name="schema_checklisttick_tick")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        connection = connections[router.db_for_read(ChecklistTick)]
        # SQLite renders none inside a transaction, such as the one of ATOMIC_REQUESTS.
        found = read_checklist(connection, read_plan(connection, with_sql=not connection.in_atomic_block))
        sql = [(str(migration), "\n".join(sql_of(migration))) for migration in found.plan]
        context = {"title": "Before the next migrations", "checklist": found, "sql": sql}
        context["may_tick"] = self.has_tick_permission(request)
        return super().changelist_view(request, context | (extra_context or {}))

    def tick_view(self, request: HttpRequest) -> HttpResponse:
        """Tick one item, for the plan that the person was shown and no other."""
        if request.method != "POST" or not self.has_tick_permission(request):
            raise PermissionDenied
        connection = connections[router.db_for_write(ChecklistTick)]
        digest, item = request.POST.get("digest", ""), request.POST.get("item", "")
        if digest != read_checklist(connection, read_plan(connection)).digest:
            self.message_user(
                request, "The plan is another by now, so nothing was ticked: read it again.", messages.ERROR
            )
        else:
            self._tick(request, connection, digest, item)
        back = reverse("admin:schema_appliedmigration_changelist") if request.POST.get("back") == "state" else "../"
        return HttpResponseRedirect(back)

    def _tick(self, request: HttpRequest, connection: Any, digest: str, item: str) -> None:
        try:
            done = tick(connection, digest, item, by=request.user.get_username(), note=request.POST.get("note", ""))
        except SchemaError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        if done:
            self.message_user(request, "Ticked.")
        else:
            self.message_user(request, "This was ticked before, so nothing was changed.", messages.WARNING)

    @admin.action(description="Withdraw", permissions=["tick"])
    def withdraw(self, request: HttpRequest, chosen: Any) -> None:
        connection = connections[router.db_for_write(ChecklistTick)]
        count = withdraw(connection, chosen.values_list("pk", flat=True), by=request.user.get_username())
        self.message_user(request, f"{count} ticks are withdrawn.")


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
