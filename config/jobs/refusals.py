"""Why something that was asked of a job is not done. Nothing was changed then; the text says what to do next."""

from config.refusals import Conflict


class ClaimHeld(Conflict):
    """Another job works on the VM."""

    code = "claim_held"


class StaleFence(Conflict):
    """The job has been given to somebody else since the caller got its fence, or is no longer at work."""

    code = "stale_fence"


class JobEnded(Conflict):
    """What has ended never changes; a retry is a new job."""

    code = "job_ended"


class IllegalMove(Conflict):
    """The job's status is not followed by the one that was asked for."""

    code = "illegal_move"


class NotLost(Conflict):
    """The engine of the job has reported within its lease."""

    code = "not_lost"
