"""Runs of the recovery plans, in every status and with steps of every kind."""

from datetime import datetime, timedelta
from typing import Any

from config.demo.chance import chance
from config.demo.factories import RecoveryPlanRunFactory, RecoveryPlanStepFactory
from config.demo.ledger import Ledger
from failover.models import FailoverJob, Purpose, RecoveryPlan, RecoveryPlanRun
from inventory.models import User

Jobs = dict[str, list[FailoverJob]]


def tell_runs(plans: dict[str, RecoveryPlan], jobs: Jobs, operator: User, ledger: Ledger) -> None:
    """The runs of the plans that are new, as far as the jobs they ran are; `jobs` are by the name of the VM."""
    if shop := plans.get("Shop"):
        _cancelled_run(shop, ledger)
        tested = [_cleaned(jobs, name) for name in ("db-primary", "web-01")]
        if all(tested):
            _passed_run(shop, [job for job in tested if job], operator, ledger)
        if job := _job(jobs, "db-primary", Purpose.TEST):
            _waiting_run(shop, job, ledger)
    if (mail := plans.get("Mail")) and (job := _job(jobs, "mail-gateway", Purpose.LIVE)):
        _running_run(mail, job, operator, ledger)
    if office := plans.get("Back office"):
        if job := _job(jobs, "legacy-billing", Purpose.TEST, "failed"):
            _failed_run(office, job, ledger)
        if job := _job(jobs, "legacy-billing", Purpose.TEST, "pending"):
            _pending_run(office, job, ledger)
    if (move := plans.get("Move to the cloud")) and (job := _job(jobs, "ProductionVM", Purpose.LIVE)):
        _completed_run(move, job, operator, ledger)


def _job(jobs: Jobs, vm: str, kind: Purpose, status: str = "completed") -> FailoverJob | None:
    """The newest job of this kind of the VM that is so."""
    fitting = (job for job in reversed(jobs.get(vm, [])) if (job.job_type, job.status) == (kind, status))
    return next(fitting, None)


def _cleaned(jobs: Jobs, vm: str) -> FailoverJob | None:
    """The oldest test of the VM that has passed."""
    return next((job for job in jobs.get(vm, []) if job.has_passed), None)


def _end(job: FailoverJob) -> datetime:
    assert job.completed_at, f"{job} has not ended."
    return job.completed_at


def _run(ledger: Ledger, plan: RecoveryPlan, **values: Any) -> RecoveryPlanRun:
    run = RecoveryPlanRunFactory.build(plan=plan, started_by="operator", **values)
    ledger.add(run)
    return run


def _steps(ledger: Ledger, run: RecoveryPlanRun, *steps: dict[str, Any]) -> None:
    for seq, values in enumerate(steps, start=1):
        fields = {"failover_job": None, "started_at": None, "completed_at": None, "created_at": run.created_at}
        ledger.add(RecoveryPlanStepFactory.build(run=run, seq=seq, **fields | values))


def _failover(job: FailoverJob, status: str) -> dict[str, Any]:
    return {
        "kind": "failover",
        "title": f"Fail over {job.source_vm_name}",
        "failover_job": job,
        "status": status,
        "started_at": job.created_at,
        "completed_at": job.completed_at,
        "message": job.error_message,
    }


def _later(kind: str, title: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "title": title, "status": "pending", **values}


def _left_out(vm: str, at: datetime, why: str) -> dict[str, Any]:
    message = f"Left out, as it was not ready: {why}"
    skipped = {"status": "skipped", "completed_at": at, "message": message, "is_critical": False}
    return _later("failover", f"Fail over {vm}") | skipped


def _waiting_time(begin: datetime, seconds: int) -> dict[str, Any]:
    end = begin + timedelta(seconds=seconds)
    return {"kind": "pause", "started_at": begin, "deadline_seconds": seconds, "deadline": end}


def _pause(begin: datetime, seconds: int) -> dict[str, Any]:
    timed = _waiting_time(begin, seconds)
    return {**timed, "title": f"Wait {seconds} s", "status": "completed", "completed_at": timed["deadline"]}


def _waiting_run(plan: RecoveryPlan, job: FailoverJob, ledger: Ledger) -> None:
    run = _run(ledger, plan, kind="test", status="waiting", created_at=job.created_at, started_at=job.created_at)
    done = _end(job)
    second, third = {"group_seq": 2, "waits_for": 1}, {"group_seq": 3, "waits_for": 2}
    _steps(
        ledger,
        run,
        _failover(job, "completed"),
        _pause(done, 60),
        {
            "kind": "manual",
            "title": "Does the database answer?",
            "status": "running",
            "started_at": done + timedelta(seconds=60),
            "deadline_seconds": 4 * 3600,
            "default_answer": "stop",
        },
        _left_out("erp-app", job.created_at, "A back-up job worked on the VM.") | second,
        _left_out("web-01", job.created_at, "A replication job worked on the VM.") | third,
        _later("manual", "Does the shop take an order?", default_answer="continue") | third,
    )


def _passed_run(plan: RecoveryPlan, tested: list[FailoverJob], operator: User, ledger: Ledger) -> None:
    database, web = tested
    asked, done = _end(database) + timedelta(seconds=60), _end(web)
    end = done + timedelta(minutes=4)
    second, third = {"group_seq": 2, "waits_for": 1}, {"group_seq": 3, "waits_for": 2}
    answer = {"status": "completed", "confirmed_by": operator}
    run = _run(
        ledger,
        plan,
        kind="test",
        status="completed",
        created_at=database.created_at,
        started_at=database.created_at,
        completed_at=end,
    )
    question = {"started_at": asked, "completed_at": asked + timedelta(minutes=5), "default_answer": "stop"}
    order = {"started_at": done, "completed_at": end, "default_answer": "continue"}
    _steps(
        ledger,
        run,
        _failover(database, "completed"),
        _pause(_end(database), 60),
        _later("manual", "Does the database answer?", **question) | answer,
        _left_out("erp-app", run.created_at, "A back-up job worked on the VM.") | second,
        _failover(web, "completed") | third,
        _later("manual", "Does the shop take an order?", **order) | answer | third,
    )


def _running_run(plan: RecoveryPlan, job: FailoverJob, operator: User, ledger: Ledger) -> None:
    begin = job.created_at - timedelta(minutes=5)
    run = _run(ledger, plan, kind="live", status="running", created_at=begin, started_at=begin)
    asked = {"started_at": begin, "completed_at": job.created_at}
    _steps(
        ledger,
        run,
        _later("manual", "May mail be down for ten minutes?", default_answer="continue", **asked)
        | {"status": "completed", "confirmed_by": operator},
        _failover(job, "completed"),
        {**_waiting_time(_end(job), 24 * 3600), "title": "Wait until the queue is empty", "status": "running"},
    )


def _failed_run(plan: RecoveryPlan, job: FailoverJob, ledger: Ledger) -> None:
    run = _run(
        ledger,
        plan,
        kind="test",
        status="failed",
        created_at=job.created_at,
        started_at=job.created_at,
        completed_at=job.completed_at,
        ending="failed",
        reason=f"Step 1, Fail over {job.source_vm_name}, failed. {job.error_message}",
    )
    skipped = {"status": "skipped", "completed_at": job.completed_at}
    _steps(ledger, run, _failover(job, "failed"), _later("failover", "Fail over PGWINTESTBIOS") | skipped)


def _pending_run(plan: RecoveryPlan, job: FailoverJob, ledger: Ledger) -> None:
    run = _run(ledger, plan, kind="test", status="pending", created_at=job.created_at)
    _steps(
        ledger,
        run,
        _later("failover", f"Fail over {job.source_vm_name}", failover_job=job),
        _left_out("PGWINTESTBIOS", job.created_at, "No test network was isolated."),
    )


def _cancelled_run(plan: RecoveryPlan, ledger: Ledger) -> None:
    begin, end = chance.ago(days=12), chance.ago(days=12, minutes=-6)
    run = _run(
        ledger,
        plan,
        kind="live",
        status="cancelled",
        created_at=begin,
        completed_at=end,
        ending="cancelled",
        reason="The site came back before it began.",
    )
    skipped = {"status": "skipped", "completed_at": end}
    _steps(
        ledger, run, *(_later("failover", f"Fail over {vm}") | skipped for vm in ("db-primary", "erp-app", "web-01"))
    )


def _completed_run(plan: RecoveryPlan, job: FailoverJob, operator: User, ledger: Ledger) -> None:
    end = _end(job) + timedelta(minutes=10)
    run = _run(
        ledger,
        plan,
        kind="live",
        status="completed",
        created_at=job.created_at,
        started_at=job.created_at,
        completed_at=end,
    )
    asked = {"started_at": job.completed_at, "completed_at": end}
    answer = {"status": "completed", "confirmed_by": operator}
    _steps(
        ledger,
        run,
        _failover(job, "completed"),
        _later("manual", "Does the application answer?", default_answer="stop", **asked) | answer,
    )
