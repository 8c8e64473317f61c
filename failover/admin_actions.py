"""Failing a VM over, and what follows it, asked for by a person."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from config.admin import may
from config.jobs.admin_actions import JobAction, by
from failover.findings import LIVE, TEST
from failover.models import Aftermath
from failover.readiness import readiness_of
from failover.remedies import remedied
from failover.services.failovers import commit, create_failover, request_cleanup, request_rollback, set_back
from inventory.models import Site

OVERRIDE = "failover.override_readiness"
READINESS = "_readiness"


class Start(JobAction):
    """Readiness is shown first; what speaks against it refuses, or is overridden by who may."""

    kind: str
    find: Callable[..., Any]
    """The readiness of a record."""
    start: Callable[..., Any]
    """The service that does it to the record, in a kind."""
    becomes = "The reason below then becomes part of the evidence."

    def readiness(self, record: Any) -> Any:
        """Of one instance of a record the same until what was asked for is done."""
        if READINESS not in vars(record):
            vars(record)[READINESS] = self.find(record)
        return vars(record)[READINESS]

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        if record is None or not may(request.user, OVERRIDE, record) or self.readiness(record).is_ready(self.kind):
            return {}
        field = forms.BooleanField(
            required=False, label="Do it in spite of what readiness finds", help_text=self.becomes
        )
        return {"override": field}

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> Any:
        # Where it is refused, the page shows what has come up since it was asked for.
        vars(record).pop(READINESS, None)
        overriding = reason if said.get("override") else None
        return self.start(record, self.kind, by=by(request), override_reason=overriding, reason=reason)


class StartFailover(Start):
    template = "failover/readiness.html"
    find, start = staticmethod(readiness_of), staticmethod(create_failover)

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        readiness = self.readiness(record)
        return {
            "kind": self.kind,
            "verdict": readiness.verdict(self.kind),
            "findings": remedied(readiness.of(self.kind), record),
        }

    def applies(self, record: Any) -> bool:
        return record.runs_at == Site.SOURCE and record.archived_at is None


class StartTestFailover(StartFailover):
    name, label, done = "start-test-failover", "Test failover", "Test failover asked for"
    permission = "failover.add_failoverjob"
    kind = TEST
    in_bulk = True

    def sentence(self, record: Any) -> str:
        whose = "each of these VMs" if record is None else str(record)
        return (
            f"Creates a test failover of {whose}: an engine snapshots the target volumes, makes a VM of them in"
            " isolated networks and starts it. The VM at the source goes on running. You clean the test up afterwards;"
            " only then it has passed."
        )


class StartLiveFailover(StartFailover):
    name, label, done = "start-live-failover", "Live failover", "Live failover asked for"
    permission = "failover.start_live_failover"
    kind = LIVE
    is_grave = True

    def sentence(self, record: Any) -> str:
        return (
            f"Switches {record} to the target for real: an engine makes the VM of its copies in the networks of the"
            " live mappings and starts it. What the source wrote after the newest copy is not in it. Afterwards you"
            " accept it or roll it back."
        )


class FailoverDecision(JobAction):
    """What a person decides of a failover job; a button for it where the job may go there."""

    to: Aftermath
    decide: Callable[..., Any]
    """The service that does it to the job of an id, by whom and for which reason."""

    def applies(self, record: Any) -> bool:
        return self.to in record.following("aftermath")

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        self.decide(record.job_id, by=by(request), reason=reason)


class CleanUp(FailoverDecision):
    name, label, done = "clean-up", "Clean up", "Clean-up asked for"
    permission = "failover.clean_up_failover"
    in_bulk = True
    to = Aftermath.CLEANUP
    decide = staticmethod(request_cleanup)

    def sentence(self, record: Any) -> str:
        return (
            "Has an engine remove what the test made and put the target volumes back to their snapshots. With that a"
            " completed test has passed, and the next replication copies everything."
        )


class RollBack(FailoverDecision):
    name, label, done = "roll-back", "Roll back", "Roll-back asked for"
    permission = "failover.roll_back_failover"
    is_grave = True
    to = Aftermath.REVERTING
    decide = staticmethod(request_rollback)

    def sentence(self, record: Any) -> str:
        return (
            f"Has an engine undo the failover of {record.source_vm_name}: the VM at the target is removed with what it"
            " wrote since, and the source is what counts again."
        )


class Commit(FailoverDecision):
    name, label, done = "commit", "Accept", "Accepted"
    permission = "failover.commit_failover"
    is_grave = True
    to = Aftermath.COMMITTED
    decide = staticmethod(commit)

    def sentence(self, record: Any) -> str:
        return (
            f"Accepts the failover: {record.source_vm_name} runs at the target from now on. It is not replicated,"
            " backed up or failed over from its source any more, and this failover cannot be rolled back."
        )


class SetBack(JobAction):
    name, label, done = "set-back", "Set back to its source", "Set back"
    permission = "failover.set_back_vm"
    is_grave = True

    def sentence(self, record: Any) -> str:
        return (
            f"Says that {record} runs at its source again. Nothing is moved by this: be sure that it is so, as"
            " replication, back-up and failover go on from there."
        )

    def applies(self, record: Any) -> bool:
        return record.runs_at == Site.TARGET

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        set_back(record, by=by(request), reason=reason)
