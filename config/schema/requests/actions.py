"""What each action is: the words that a person reads before they press the button, and the command that does it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.schema.requests.columns import Action

LOCK_SECONDS = 30
"""How long the command waits for somebody else who changes the schema."""


@dataclass(frozen=True)
class Doing:
    """One action as people and processes have it."""

    words: str
    """What will happen, said before it does."""
    command: Callable[[Any], tuple[str, ...]]
    """The words after manage.py for a request of this action."""
    guarded: bool = False
    """Whether it changes the schema, so that the gate is asked."""


def _why(row: Any) -> tuple[str, ...]:
    """For the journal: by it a run is found again as that of this request."""
    approved = f", approved by {row.approved_by}" if row.approved_by else ""
    return ("--reason", f"{reference(row.pk)} of {row.requested_by}{approved}: {row.reason}")


def reference(pk: int) -> str:
    """How the journal names a request."""
    return f"Request {pk}"


def _lock() -> tuple[str, ...]:
    return ("--lock-timeout", str(LOCK_SECONDS))


def _apply(row: Any) -> tuple[str, ...]:
    return ("migrate", "--expect", row.digest, *_lock(), *_why(row))


def _rollback(row: Any) -> tuple[str, ...]:
    allowed = ("--yes-lose-data",) if row.loses else ()
    return ("rollback", *row.subject.split(), "--yes", *allowed, "--expect", row.digest, *_lock(), *_why(row))


def _recover(row: Any) -> tuple[str, ...]:
    return (*shlex.split(row.subject), *_lock(), *_why(row))


DOINGS: dict[Action, Doing] = {
    Action.PLAN: Doing(
        "Shows every pending step with its SQL. It changes nothing.", lambda row: ("schema_plan", "--sql")
    ),
    Action.REHEARSE: Doing(
        "Takes a back-up, restores it into a clone beside the database and runs the plan there: up, down and up. The "
        "clone is removed; the database itself is only read.",
        lambda row: ("schema_rehearse", *_lock()),
    ),
    Action.BACKUP: Doing(
        "Writes the whole database into a new file of BACKUP_DIR. The application goes on.",
        lambda row: ("dbbackup", *_lock()),
    ),
    Action.APPLY: Doing(
        "Runs the migrations below on the live database, in this order, and no other plan.", _apply, guarded=True
    ),
    Action.ROLLBACK: Doing(
        "Takes the migrations below back from the live database, in this order. Where rows are lost, a back-up is "
        "taken first.",
        _rollback,
        guarded=True,
    ),
    Action.RECOVER: Doing("Runs the command below, which mends this fault and nothing else.", _recover, guarded=True),
    Action.PAUSE: Doing(
        "The run that fills stops before its next batch commits; what it has filled stays. It is done at once, without "
        "a worker.",
        lambda row: ("schema_backfill", "--pause", row.subject),
    ),
    Action.RESUME: Doing(
        "The backfill may go on; the next apply does, where it stopped. It is done at once, without a worker.",
        lambda row: ("schema_backfill", "--resume", row.subject),
    ),
}


def doing(action: str) -> Doing:
    return DOINGS[Action(action)]


def command_of(row: Any) -> tuple[str, ...]:
    """What a worker runs for a request, after manage.py; made of its action and subject, never of a stored text."""
    return doing(row.action).command(row)


def shown_command(row: Any) -> str:
    """The same as a person would type it."""
    return shlex.join(("manage.py", *command_of(row)))
