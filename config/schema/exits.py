"""The exit codes of all schema commands, and the errors that carry them."""

from django.core.management.base import CommandError

DONE = 0
ERROR = 1
USAGE = 2
LOCKED = 3
REFUSED = 4
INTERRUPTED = 5
UNREACHABLE = 6
CODES = {
    ERROR: "error",
    USAGE: "usage",
    LOCKED: "locked",
    REFUSED: "refused",
    INTERRUPTED: "interrupted",
    UNREACHABLE: "unreachable",
}
"""What an error is called where a program reads it."""


class SchemaError(CommandError):
    """A schema command cannot go on; the message says what to do next in one sentence."""

    code = ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=self.code)


class LockNotObtained(SchemaError):
    """Somebody else changes the schema, or uses what is to be changed, and did not finish in time."""

    code = LOCKED


class Refused(SchemaError):
    """A gate or a check says no."""

    code = REFUSED


class Hindered(Refused):
    """This user, or this database, lets nobody change the schema."""


class Interrupted(SchemaError):
    """Something was interrupted where no machine can tell whether it happened; a person has to decide."""

    code = INTERRUPTED


class Unreachable(SchemaError):
    """The database does not answer, or its state is unknown."""

    code = UNREACHABLE
