"""Why something that was asked of a job is not done. Nothing was changed then; the text says what to do next."""

from collections.abc import Iterable
from typing import Any


class Refusal(Exception):
    """What was asked for is not done, and nothing was changed.

    `code` is for programs and stays what it is, the text is for people; `details` are further facts as JSON.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str = "", details: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.details = list(details)


class NotFound(Refusal):
    """There is no such thing, or none that the caller may know of."""

    code = "not_found"


class Conflict(Refusal):
    """It is not possible as things stand now."""

    code = "conflict"


class Invalid(Refusal):
    """What was said can never be done as it was said."""

    code = "invalid"


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


class Busy(Conflict):
    """Others wrote to the same rows, again and again."""

    code = "busy"
