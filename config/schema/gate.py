"""Whether a plan may run where somebody guards the data, and what an approval of it is bound to."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from config.schema.dialects import dialect
from config.schema.exits import Refused
from config.schema.loss import LossClass
from config.schema.plan import PlannedMigration, PlannedStep

Mode = Literal["none", "destructive", "all"]
DESTRUCTIVE = (LossClass.LOSSY, LossClass.UNCOUNTED)


def check_gate(
    plan: Sequence[PlannedMigration],
    *,
    digest: str,
    mode: Mode,
    allow_destructive: bool,
    approved: bool,
    option: str = "--allow-destructive",
) -> None:
    """Raise Refused where the gate is shut: at `destructive` for lossy and irreversible steps, at `all` for any.

    `option`: the one with which a person lets it through. A step whose loss could not be counted is taken for lossy;
    code of its own (loss class unknown) is not, as otherwise no data migration could pass.
    """
    if mode not in ("none", "destructive", "all"):
        raise ValueError(f"{mode} is no mode of the gate: none, destructive or all.")
    if mode == "none" or allow_destructive or approved:
        return
    stopped = [
        f"{migration}: {step.description} ({_reason(step)})"
        for migration in plan
        for step in migration.steps
        if mode == "all" or is_destructive(step)
    ]
    if mode == "all":
        stopped = stopped or [f"{migration}: it has no steps, and is recorded" for migration in plan]
    if stopped:
        raise Refused(
            f"SCHEMA_GATE is {mode}, so these steps do not run unasked:\n  "
            + "\n  ".join(stopped)
            + f"\nRead manage.py schema_plan; have plan {digest} approved in the admin, or give {option}."
        )


def is_destructive(step: PlannedStep) -> bool:
    """Whether the step removes what is in the live tables now, or cannot be undone."""
    return not step.reversible or step.loss.kind in DESTRUCTIVE


def plan_digest(connection: Any, plan: Sequence[PlannedMigration]) -> str:
    """What an approval is bound to: engine and version, the migrations in order, their meaning and classes of loss.

    Neither SQL nor numbers of rows are in it: both change without the plan becoming another.
    """
    meaning = [
        dialect(connection).name,
        list(connection.get_database_version()),
        [
            [str(each), each.backwards, each.digest, [[step.reversible, step.loss.kind.value] for step in each.steps]]
            for each in plan
        ],
    ]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


def _reason(step: PlannedStep) -> str:
    reasons = [] if step.reversible else ["irreversible"]
    if step.loss.kind is not LossClass.NONE:
        reasons.append(f"{step.loss.kind.value}: {step.loss.what}")
    return ", ".join(reasons) or "a change"
