"""Why something that was asked for is not done, and what to do next; knows no app. Nothing was changed then."""

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


class Busy(Conflict):
    """Others wrote to the same rows, again and again."""

    code = "busy"
