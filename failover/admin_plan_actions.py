"""Running a recovery plan, and what a person decides of its runs."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from config.jobs.admin_actions import JobAction, by
from failover.admin_actions import Start
from failover.admin_plan_panels import lacking
from failover.findings import LIVE, TEST
from failover.models import Aftermath, DefaultAnswer, FailoverStatus, Purpose
from failover.plan_estimate import estimate
from failover.plan_order import Circle
from failover.plan_outcome import active_run, answers_due, jobs_due
from failover.plan_readiness import plan_readiness
from failover.services.plan_runs import (
    cancel_plan_run,
    cleanup_plan_run,
    commit_plan_run,
    confirm_step,
    rollback_plan_run,
    start_plan_run,
)

ANSWERS = {
    DefaultAnswer.CONTINUE.value: "yes: the run goes on",
    DefaultAnswer.STOP.value: "no: nothing more of the run begins, and it ends as failed",
}


class StartPlanRun(Start):
    """The steps are shown with it; a critical VM that is not ready refuses the run."""

    template = "failover/plan_start.html"
    find, start = staticmethod(plan_readiness), staticmethod(start_plan_run)
    becomes = "The reason below then becomes part of the evidence of each VM that is not ready."

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        found = self.readiness(record)
        told = {
            "kind": self.kind,
            "plan": record,
            "verdict": found.verdict(self.kind),
            "reason": found.reason(self.kind),
            "lacking": lacking(found, self.kind),
        }
        try:
            return told | {"estimate": estimate(found, self.kind)}
        except Circle as circle:
            return told | {"circle": str(circle)}

    def applies(self, record: Any) -> bool:
        return active_run(record) is None


class StartTestRun(StartPlanRun):
    name, label, done = "start-test-run", "Test the plan", "Test run started"
    permission = "failover.add_recoveryplanrun"
    kind = TEST

    def sentence(self, record: Any) -> str:
        return (
            f"Creates a test failover of each VM of {record}, all of them or none: engines make the VMs of the copies"
            " in isolated networks, group by group. The VMs at the source go on running. You clean the run up"
            " afterwards; only then the plan has passed."
        )


class StartLiveRun(StartPlanRun):
    name, label, done = "start-live-run", "Fail the plan over", "Live run started"
    permission = "failover.start_live_plan_run"
    kind = LIVE
    is_grave = True

    def sentence(self, record: Any) -> str:
        return (
            f"Switches every VM of {record} to the target for real, group by group: engines make the VMs of their"
            " copies in the networks of the live mappings and start them. What the source wrote after the newest copies"
            " is not in them. Afterwards you accept the run or roll it back."
        )


class AnswerStep(JobAction):
    """The answer is bound to the step whose question was shown: one that nobody waits for any more is refused."""

    name, label, done = "answer", "Answer", "Answered"
    permission = "failover.change_recoveryplanstep"

    def sentence(self, record: Any) -> str:
        return (
            f"Answers what the {record.kind} run of {record.plan} asks. With yes the groups that wait for it come up;"
            " with no nothing more begins. If nobody answers in time, the default holds."
        )

    def applies(self, record: Any) -> bool:
        return bool(answers_due(record))

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        asked: list[tuple[Any, str]] = [
            (
                step.seq,
                f"{step.title} (until {step.deadline:%Y-%m-%d %H:%M:%S} UTC, else: {step.default_answer})",
            )
            for step in answers_due(record)
        ]
        step = forms.TypedChoiceField(
            coerce=int,
            label="Question",
            choices=asked if len(asked) == 1 else [("", "choose one"), *asked],
            error_messages={"invalid_choice": "That step waits for no answer any more: look at the run again."},
        )
        answer = forms.ChoiceField(label="Your answer", choices=[("", "choose one"), *ANSWERS.items()])
        return {"seq": step, "answer": answer}

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        user: Any = request.user
        confirm_step(record.pk, said["seq"], said["answer"], by=by(request), user=user, message=reason)


class CancelPlanRun(JobAction):
    name, label, done = "cancel", "Cancel", "Cancelled"
    permission = "failover.change_recoveryplanrun"
    is_grave = True

    def sentence(self, record: Any) -> str:
        return (
            f"Lets nothing more of this {record.kind} run of {record.plan} begin. Jobs that have made nothing yet are"
            " cancelled; what engines have begun comes to its own end, and the run with the last of it."
        )

    def applies(self, record: Any) -> bool:
        return bool(record.is_active and not record.ending)

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        cancel_plan_run(record.pk, by=by(request), reason=reason)


class PlanRunDecision(JobAction):
    """What a person decides of all that a run has made; a button for it where something waits for that."""

    kind: Purpose
    waiting: tuple[Aftermath, ...]
    status: FailoverStatus | None = None
    decide: Callable[..., Any]

    def applies(self, record: Any) -> bool:
        return record.kind == self.kind and not record.is_active and self.due(record).exists()

    def due(self, record: Any) -> Any:
        return jobs_due(record, *self.waiting, status=self.status)

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        self.decide(record.pk, by=by(request), reason=reason)


class CleanUpPlanRun(PlanRunDecision):
    name, label, done = "clean-up", "Clean up", "Clean-up asked for"
    permission = "failover.clean_up_plan_run"
    kind, waiting = Purpose.TEST, (Aftermath.DUE, Aftermath.CLEANUP_FAILED)
    decide = staticmethod(cleanup_plan_run)

    def sentence(self, record: Any) -> str:
        return (
            f"Has engines remove what this test of {record.plan} made, of {self.due(record).count()} VMs, and put the"
            " target volumes back to their snapshots. A completed test has passed once that is done, and the next"
            " replication of each VM copies everything."
        )


class RollBackPlanRun(PlanRunDecision):
    name, label, done = "roll-back", "Roll back", "Roll-back asked for"
    permission = "failover.roll_back_plan_run"
    is_grave = True
    kind, waiting = Purpose.LIVE, (Aftermath.DUE, Aftermath.REVERT_FAILED)
    decide = staticmethod(rollback_plan_run)

    def sentence(self, record: Any) -> str:
        return (
            f"Has engines undo this failover of {record.plan}, of {self.due(record).count()} VMs that nobody has"
            " accepted: the VMs at the target are removed with what they wrote since, and the source is what counts"
            " again."
        )


class CommitPlanRun(PlanRunDecision):
    name, label, done = "commit", "Accept", "Accepted"
    permission = "failover.commit_plan_run"
    is_grave = True
    kind, waiting, status = Purpose.LIVE, (Aftermath.DUE,), FailoverStatus.COMPLETED
    decide = staticmethod(commit_plan_run)

    def sentence(self, record: Any) -> str:
        return (
            f"Accepts this failover of {record.plan}: {self.due(record).count()} VMs run at the target from now on."
            " They are not replicated, backed up or failed over from their source any more, and this cannot be rolled"
            " back. A VM whose failover failed is not accepted, and waits for a roll-back."
        )
