"""The pages of requests: each button says first what it will do, and nothing is done by a GET."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connections, router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import urlencode

from config.schema.admin.bases import ReadOnly
from config.schema.backfill import open_backfills
from config.schema.backfill import words_of as words_of_backfill
from config.schema.claim import ClaimRow
from config.schema.exits import SchemaError
from config.schema.journal import Journal, Step
from config.schema.models import Request
from config.schema.requests.actions import doing, shown_command
from config.schema.requests.columns import WAITING, Action, Status
from config.schema.requests.lost import lost_requests, newest_run
from config.schema.requests.services import (
    approve_request,
    cancel_request,
    propose,
    refuse_request,
    request_work,
    run_request,
)

STATE = "admin:schema_appliedmigration_changelist"
REFRESH_SECONDS = 2
SAID = {
    "approve": "Approved. Who may run it can let it go now.",
    "refuse": "Refused.",
    "cancel": "Taken back.",
    "run": "It is let go: the next free worker takes it.",
}
RIGHT = {"approve": "approve_request", "refuse": "approve_request", "run": "run_request"}


@admin.register(Request)
class RequestAdmin(ReadOnly):
    list_display = ("__str__", "action", "subject", "status", "requested_by", "requested_at", "approved_by", "ended_at")
    list_filter = ("status", "action")
    search_fields = ("requested_by", "approved_by", "reason")

    def get_urls(self) -> list[Any]:
        def own(address: str, view: Callable[..., Any], name: str) -> Any:
            return path(address, self.admin_site.admin_view(view), name=f"schema_request_{name}")

        return [
            own("ask/<slug:action>/", self.ask_view, "ask"),
            *(own(f"<int:pk>/{move}/", getattr(self, f"{move}_view"), move) for move in SAID),
            *super().get_urls(),
        ]

    def ask_view(self, request: HttpRequest, action: str) -> HttpResponse:
        """What the action would do now, and the form that asks for it."""
        _require(request, "add_request")
        if action not in Action.values:
            raise Http404
        connection = connections[router.db_for_write(Request)]
        subject = (request.POST if request.method == "POST" else request.GET).get("subject", "").strip()
        if request.method == "POST" and "reason" in request.POST:
            if asked := self._asked(request, connection, action, subject):
                return HttpResponseRedirect(reverse("admin:schema_request_change", args=[asked.pk]))
            return HttpResponseRedirect(f"{request.path}?{urlencode({'subject': subject})}")
        needs_subject = action == Action.ROLLBACK and not subject
        try:
            proposed = None if needs_subject else propose(connection, action, subject)
        except SchemaError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse(STATE))
        context = {
            **self.admin_site.each_context(request),
            "title": Action(action).label,
            "action": Action(action),
            "doing": doing(action),
            "proposed": proposed,
            "plan": [(each, "") for each in proposed.plan] if proposed else (),
            "subject": subject,
            "may_run": request.user.has_perm("schema.run_request"),
        }
        return TemplateResponse(request, "admin/schema/ask.html", context)

    def _asked(self, request: HttpRequest, connection: Any, action: str, subject: str) -> Any:
        by, sent = request.user.get_username(), request.POST
        runs = "run" in sent
        if runs:
            _require(request, "run_request")
        try:
            row = request_work(
                connection, action, subject, reason=sent["reason"], by=by, digest=sent.get("digest") or None
            )
            if runs and not row.needs_approval:
                row = run_request(connection, row.pk, by=by)
        except SchemaError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        self.message_user(request, f"{row} is {'done' if row.status == Status.DONE else 'made'}.".capitalize())
        return row

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        digest = request.POST.get("digest", "")
        return self._move(request, pk, "approve", lambda *args, **by: approve_request(*args, digest=digest, **by))

    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        reason = request.POST.get("reason", "")
        return self._move(request, pk, "refuse", lambda *args, **by: refuse_request(*args, reason=reason, **by))

    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, "run", run_request)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who asked may take it back, and who may run requests."""
        row = Request._base_manager.filter(pk=pk).first()
        own = row is not None and row.requested_by == request.user.get_username()
        if not own or not request.user.has_perm("schema.add_request"):
            _require(request, "run_request")
        return self._move(request, pk, "cancel", cancel_request)

    def _move(self, request: HttpRequest, pk: int, move: str, service: Callable[..., Any]) -> HttpResponse:
        if right := RIGHT.get(move):
            _require(request, right)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not Request._base_manager.filter(pk=pk).exists():
            raise Http404
        try:
            service(connections[router.db_for_write(Request)], pk, by=request.user.get_username())
        except SchemaError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, SAID[move])
        return HttpResponseRedirect(reverse("admin:schema_request_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One request: what it does, who said what to it, and how far it came."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        row: Any = self.get_object(request, object_id)
        if row is None:
            raise Http404
        connection = connections[router.db_for_write(Request)]
        user = request.user
        lost = {each.pk: each for each in lost_requests(connection)}
        run = newest_run(connection, row)
        waits = row.status in WAITING
        is_own = row.requested_by == user.get_username()
        needs_approval = row.status == Status.REQUESTED and row.needs_approval
        may_run, may_approve = user.has_perm("schema.run_request"), user.has_perm("schema.approve_request")
        context = {
            **self.admin_site.each_context(request),
            "title": f"{row.get_action_display()}: {row}",
            "row": row,
            "plan": json.loads(row.plan),
            "doing": doing(row.action),
            "command": shown_command(row),
            "lost": lost.get(row.pk),
            "run": run,
            "steps": Journal(connection).rows(Step).filter(run_id=run.pk).order_by("pk") if run else (),
            "holder": ClaimRow(connection, "").holder() if row.status == Status.RUNNING else None,
            "backfills": [words_of_backfill(each) for each in open_backfills(connection)] if run else (),
            "is_live": row.status in (Status.QUEUED, Status.RUNNING),
            "refresh": REFRESH_SECONDS,
            "waits_for_approval": needs_approval,
            "is_own": is_own,
            "may_approve": may_approve and needs_approval,
            "may_run": may_run and waits and not needs_approval and row.status != Status.QUEUED,
            "may_cancel": waits and (may_run or (is_own and user.has_perm("schema.add_request"))),
        }
        return TemplateResponse(request, "admin/schema/request.html", context)


def _require(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(f"schema.{right}"):
        raise PermissionDenied
