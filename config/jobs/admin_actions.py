"""What a person may have done to a job of any kind."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from config.admin import Action, change_permission
from config.api.requests import request_id_of
from config.jobs import claims
from config.jobs.engines import fail
from config.jobs.moves import By
from config.jobs.people import cancel, take_over
from config.refusals import Refusal

FAIL, KEEP = "fail", "keep"


def by(request: HttpRequest) -> By:
    """Who asks, as events keep it."""
    return By(request.user.get_username(), request_id_of(request))


class JobAction(Action):
    """Done by a service that refuses with a sentence."""

    refusals = (Refusal,)


class CancelJob(JobAction):
    name, label, done = "cancel", "Cancel", "Cancelled"
    is_grave = in_bulk = True

    def permission_on(self, opts: Any) -> str:
        return change_permission(opts)

    def sentence(self, record: Any) -> str:
        if record is None:
            return "Ends these jobs before their work is done. Their engines are refused from their next call on."
        whose = (
            f"Its engine {record.engine} is refused from its next call on." if record.engine else "No engine has it."
        )
        return f"Ends the {record.KIND} job of {record.vm} before its work is done. {whose}"

    def applies(self, record: Any) -> bool:
        return "cancelled" in record.following()

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        cancel(record.public_id, by=by(request), reason=reason)


class TakeOverJob(JobAction):
    """The person gets the right to write to the job, and ends it or tells an engine to go on with it."""

    name, label, done = "take-over", "Take over", "Taken over"
    permission = "inventory.change_operationclaim"
    is_grave = True

    def sentence(self, record: Any) -> str:
        return (
            f"Takes the job from {record.engine or 'its engine'}, which is silent for longer than its lease. Be sure"
            " that it does nothing any more: what it still writes to the hub is refused, but nobody stops its hands."
        )

    def applies(self, record: Any) -> bool:
        if not record.is_worked_on:
            return False
        lease = claims.lease_of(record)
        return lease is not None and lease.has_lapsed

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        choices = [(FAIL, "has failed: what it works on is free again"), (KEEP, "is gone on with by me")]
        return {"then": forms.ChoiceField(label="After that the job", choices=choices)}

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        fence = take_over(record.public_id, by=by(request), reason=reason)
        if said["then"] == FAIL:
            fail(record.public_id, fence, code="taken_over", message=reason, by=by(request))
