"""What becomes of lost jobs where an installation has said that it need not wait for a person."""

import logging
from typing import Any

from config.jobs.engines import fail, lost_jobs
from config.jobs.moves import By
from config.jobs.people import take_over
from config.refusals import Refusal
from config.transactions import whole

logger = logging.getLogger(__name__)
POLICY = By("worker")
"""Who ends a lost job by the policy, as events name it."""


def end_lost_jobs(minutes: int) -> int:
    """Take over, and end as failed, each job whose engine is silent for so long; returns how many. 0 minutes: none.

    It is done by the services that a person uses, with the reason. Only jobs that keep others from a VM are ended: a
    restore or a mount holds up nobody, and somebody may be reading from it.
    """
    if not minutes:
        return 0
    silent = [job for job in lost_jobs() if job.HOLDS_CLAIM and job.silent_for >= 60 * minutes]
    return sum(_end(job, minutes) for job in silent)


def _end(job: Any, minutes: int) -> bool:
    try:
        _take_over_and_fail(job, f"Silent for {minutes} minutes or more (LOST_JOB_TAKE_OVER_MINUTES).")
    except Refusal as refusal:
        # Its engine has come back, or a person was quicker.
        logger.info("Job %s is left as it is: %s", job.public_id, refusal)
        return False
    logger.warning("Job %s of engine %s was lost, and is ended as failed.", job.public_id, job.engine)
    return True


@whole
def _take_over_and_fail(job: Any, reason: str) -> None:
    fence = take_over(job.public_id, by=POLICY, reason=reason, engine=POLICY.actor)
    fail(job.public_id, fence, code="engine_lost", message=f"{reason} Its engine was {job.engine}.", by=POLICY)
