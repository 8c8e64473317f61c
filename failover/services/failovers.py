"""Failover jobs, from the decision to what a person decides after their end."""

from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from config.changes import update_noted
from config.jobs import claims
from config.jobs.kinds import find_job
from config.jobs.models import JobEvent
from config.jobs.moves import By, create_job, given, move
from config.jobs.refusals import ClaimHeld
from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.facts import Facts, read_facts
from failover.findings import JOB_ACTIVE, JOB_LOST, Finding
from failover.frozen import mappings_of, spec_of, to_freeze
from failover.models import Aftermath, FailoverJob, FailoverStep, Purpose, new_failover_id
from failover.readiness import Readiness, assess
from failover.services.steps import STEPS
from inventory.models import OperationClaim, Site, VMContext

SITE = "site"
"""The kind of the events that tell where a VM runs; they are of the VM, and of no job."""


@whole
def create_failover(
    vm: VMContext, kind: str, *, by: By, override_reason: str | None = None, reason: str | None = None
) -> FailoverJob:
    """Decide to fail a VM over, for a test or for real; an engine takes the job from there. `reason`: why at all.

    What speaks against it refuses it, unless a person overrides that with a reason, which is kept with the job. Raises
    NotFound, ClaimHeld, Conflict "runs_at_target", and Invalid "not_ready" with the findings.
    """
    check_asked(kind, override_reason)
    # From here on nobody else can take the claim, and so no engine can change what readiness looks at.
    OperationClaim.objects.select_for_update().filter(pk=vm.pk).values_list("fence").first()
    vm = _of_source(vm)
    now = timezone.now()
    facts = read_facts(VMContext.objects.filter(pk=vm.pk), now)[0]
    readiness = assess(facts, now)
    if refusing := refusing_of(readiness, kind, override_reason):
        raise not_ready(readiness, kind, refusing)
    return make_failover(vm, facts, readiness, kind, by=by, override_reason=override_reason, reason=reason, now=now)


def check_asked(kind: str, override_reason: str | None) -> None:
    """Raises Invalid for a kind of failover that there is not, and for readiness overridden without a reason."""
    if kind not in Purpose.values:
        raise Invalid(f"{kind} is no kind of failover; there are {', '.join(Purpose.values)}.")
    if override_reason is not None and not override_reason.strip():
        raise Invalid("Say why it is overridden: the reason is kept with the job.")


def make_failover(
    vm: Any,
    facts: Facts,
    readiness: Readiness,
    kind: str,
    *,
    by: By,
    override_reason: str | None,
    reason: str | None = None,
    now: datetime,
) -> FailoverJob:
    """Store a failover job that nothing refuses, with its claim, its frozen evidence and its steps.

    For a transaction that holds the lock of the VM, which is one of `to_freeze`. Raises ClaimHeld, NotFound.
    """
    overridden = bool(_blockers_of(readiness, kind))

    def make() -> FailoverJob:
        return FailoverJob(
            job_id=new_failover_id(kind, vm.vmware_uuid or vm.name, int(now.timestamp())),
            vm_context=vm,
            target_id=facts.vm.target,
            replication_job_id=vm.newest_replication,
            job_type=kind,
            source_vm_name=vm.name,
            source_vm_spec=spec_of(vm),
            network_mappings=mappings_of(facts, kind),
            readiness_findings=[finding.as_json() for finding in readiness.of(kind)],
            override_reason=override_reason if overridden else None,
            override_by=by.actor if overridden else None,
        )

    job: FailoverJob = create_job(make, by=by, reason=override_reason if overridden else reason)
    FailoverStep.objects.bulk_create(
        FailoverStep(job=job, seq=seq, name=name) for seq, name in enumerate(STEPS.values(), start=1)
    )
    return job


def _of_source(vm: VMContext) -> VMContext:
    """The VM as it is now. Raises NotFound, Conflict."""
    now = to_freeze(VMContext.objects.managed()).filter(pk=vm.pk).first()
    if now is None:
        raise NotFound(f"There is no VM context {vm.pk} that is not archived.")
    if now.runs_at == Site.TARGET:
        raise Conflict(
            f"{now.name} runs at the target already: protect it again, or set it back with a reason, before it is"
            " failed over again.",
            code="runs_at_target",
        )
    return now


def _blockers_of(readiness: Readiness, kind: str) -> list[Finding]:
    # That another job works on the VM is refused with its holder, when the claim is taken.
    return [each for each in readiness.blockers(kind) if each.code not in (JOB_ACTIVE, JOB_LOST)]


def refusing_of(readiness: Readiness, kind: str, override_reason: str | None) -> list[Finding]:
    """The blockers that refuse the failover: with a reason only those that nobody may override."""
    blockers = _blockers_of(readiness, kind)
    return blockers if override_reason is None else [each for each in blockers if not each.code.may_be_overridden]


def not_ready(readiness: Readiness, kind: str, refusing: list[Finding]) -> Invalid:
    """The refusal of a failover of one VM, with what refuses it."""
    names = ", ".join(dict.fromkeys(each.code.name for each in refusing))
    return Invalid(
        f"{readiness.name} is not ready for a {kind} failover: {names}. The first of them: {refusing[0].sentence}"
        f" {refusing[0].code.remedy}",
        code="not_ready",
        details=[each.as_json() for each in refusing],
    )


@whole
def request_cleanup(job_id: str, *, by: By, reason: str | None = None, organization: Any = None) -> FailoverJob:
    """Have an engine remove what a test made; again where that failed. Raises NotFound, JobEnded, IllegalMove."""
    return decide(_failover_job(job_id, organization), Aftermath.CLEANUP, by=by, reason=reason)


@whole
def request_rollback(job_id: str, *, by: By, reason: str, organization: Any = None) -> FailoverJob:
    """Have an engine undo a live failover; again where that has failed. Raises the same, and Invalid with no reason."""
    return decide(_failover_job(job_id, organization), Aftermath.REVERTING, by=by, reason=given(reason))


@whole
def commit(job_id: str, *, by: By, reason: str, organization: Any = None) -> FailoverJob:
    """Accept a live failover that has completed: the VM runs at the target from now on. Raises the same, Conflict."""
    return decide(_failover_job(job_id, organization), Aftermath.COMMITTED, by=by, reason=given(reason))


@whole
def set_back(vm: VMContext, *, by: By, reason: str) -> None:
    """Say that a VM which was failed over runs at its source again, with an event of the VM that keeps the reason.

    Raises Invalid with no reason, ClaimHeld, and Conflict where it runs there already.
    """
    given(reason)
    claim = OperationClaim.objects.select_for_update().filter(pk=vm.pk).first()
    if claim and claim.holder_id:
        raise ClaimHeld(f"{claim.holder_kind} job {claim.holder_id} works on this VM: wait for its end, or end it.")
    at_target = VMContext.objects.filter(pk=vm.pk, runs_at=Site.TARGET)
    if not update_noted(at_target, runs_at=Site.SOURCE, version=F("version") + 1, updated_at=UtcNow()):
        raise Conflict(f"{vm.name} does not run at the target.", code="runs_at_source")
    JobEvent.objects.create(
        job_kind=SITE,
        job_id=vm.pk,
        vm_context_id=vm.pk,
        from_status=Site.TARGET,
        to_status=Site.SOURCE,
        actor=by.actor,
        reason=reason,
        request_id=by.request_id,
    )


def _failover_job(job_id: str, organization: Any) -> FailoverJob:
    job = find_job(job_id, organization=organization)
    if not isinstance(job, FailoverJob):
        raise NotFound(f"There is no failover job {job_id}.")
    return job


def decide(job: FailoverJob, to: Aftermath, *, by: By, reason: str | None) -> FailoverJob:
    """Let what follows a failover go on as a person has decided, inside a transaction; the job is read anew.

    Raises JobEnded, IllegalMove, Conflict.
    """
    claims.lock(job)
    job.refresh_from_db()
    if to == Aftermath.COMMITTED:
        move(job, to.value, field="aftermath", by=by, reason=reason)
    else:
        # Who did the failover may be gone, and has nothing more to say: the job waits for an engine again.
        move(job, to.value, field="aftermath", by=by, reason=reason, engine=None, progress_sequence=None)
        claims.rows(job).update(fence=F("fence") + 1)
    return job
