"""Recovery plans: which VMs come up in which order. A plan is not changed while it runs."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db.models import F

from config.changes import note_change, note_difference, update_noted
from config.jobs.moves import By
from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.models import DefaultAnswer, RecoveryPlan, RecoveryPlanGroup
from failover.plan_order import Circle, in_order
from inventory.models import VMContext
from inventory.services.records import change_record, changed_since, create_record

LONGEST_NAME, LONGEST_QUESTION, MOST_SECONDS = 128, 255, 30 * 86_400
MOST_VMS = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """A VM of a group. One that is not critical may fail, or not be ready, and the plan goes on without it."""

    context_id: str
    is_critical: bool = True


@dataclass(frozen=True)
class Question:
    """What a person confirms once a group is up, how long there is to answer, and what holds if nobody does."""

    text: str
    answer_seconds: int
    default_answer: str


@dataclass(frozen=True)
class Group:
    """VMs that come up together, after the group of that name."""

    name: str
    members: tuple[Member, ...] = ()
    depends_on: str | None = None
    pause_seconds: int = 0
    question: Question | None = None


@whole
def create_plan(
    organization: Any,
    name: str,
    *,
    by: By,
    description: str | None = None,
    rto_seconds: int | None = None,
    groups: Sequence[Group] = (),
) -> RecoveryPlan:
    """Make a plan with its groups and VMs.

    Raises Invalid for what can never be run (a VM twice, a group that waits for itself), NotFound for a VM that the
    organisation does not have, and Conflict "taken" for the name of another plan.
    """
    plan = RecoveryPlan(organization=organization, name=name, description=description, rto_seconds=rto_seconds)
    create_record(plan)
    _write_groups(plan, groups)
    note_change(plan, groups=("", _told(plan)))
    log.info("%s: recovery plan %s made", by.actor, plan.pk)
    return plan


@whole
def change_plan(
    plan: RecoveryPlan, *, by: By, version: int | None = None, groups: Sequence[Group] | None = None, **columns: Any
) -> RecoveryPlan:
    """Change columns of a plan (`name`, `description`, `rto_seconds`), and where groups are given, all of its groups.

    With `version`, only where the plan is still that one. Raises the same as `create_plan`, and Conflict "changed" or
    "run_active".
    """
    plan = lock_plan(plan.pk)
    if version is not None and plan.version != version:
        raise changed_since(plan, version)
    if not columns and groups is None:
        return plan
    refuse_active_run(plan)
    if columns:
        change_record(plan, columns, version=None)
    else:
        _raise_version(plan)
    if groups is not None:
        before = _told(plan)
        _write_groups(plan, groups)
        note_change(plan, groups=(before, _told(plan)))
    log.info("%s: recovery plan %s changed", by.actor, plan.pk)
    return RecoveryPlan.objects.get(pk=plan.pk)


@whole
def delete_plan(plan: RecoveryPlan, *, by: By) -> None:
    """Delete a plan that has never run. Raises Conflict "has_runs", NotFound."""
    plan = lock_plan(plan.pk)
    if plan.runs.exists():
        raise Conflict(
            f"{plan.name} has been run, and what was run is kept: take its groups out of it instead.", code="has_runs"
        )
    plan.delete()
    log.info("%s: recovery plan %s deleted", by.actor, plan.pk)


def lock_plan(pk: int) -> RecoveryPlan:
    """The plan as it is now, which nobody else changes or starts until the transaction ends. Raises NotFound."""
    plan = RecoveryPlan.objects.select_for_update().filter(pk=pk).first()
    if plan is None:
        raise NotFound(f"There is no recovery plan {pk}.")
    return plan


@whole
def take_plan(pk: int, *, version: int | None = None) -> RecoveryPlan:
    """The plan, locked as by `lock_plan`, for a change of its groups or VMs; its version is raised.

    With `version`, only where the plan is still that one. Raises NotFound, Conflict "changed" or "run_active".
    """
    plan = lock_plan(pk)
    if version is not None and plan.version != version:
        raise changed_since(plan, version)
    refuse_active_run(plan)
    _raise_version(plan)
    return plan


def _raise_version(plan: RecoveryPlan) -> None:
    RecoveryPlan.objects.filter(pk=plan.pk).update(version=F("version") + 1, updated_at=UtcNow())


def refuse_active_run(plan: RecoveryPlan) -> None:
    """Raises Conflict "run_active", which names the run, while one of the plan is active."""
    run = plan.runs.filter(is_active=True).first()
    if run is not None:
        raise Conflict(
            f"Run {run.pk} of {plan.name} is {run.status}: wait for its end, or cancel it.",
            code="run_active",
            details=[{"run": run.pk, "kind": run.kind, "status": run.status, "started_by": run.started_by}],
        )


def _write_groups(plan: RecoveryPlan, groups: Sequence[Group]) -> None:
    """Make these the groups and VMs of the plan; what stays is not touched, and so not in the audit log."""
    _check_groups(groups)
    vms = _vms_of(plan, [member.context_id for group in groups for member in group.members])
    before = {row.name: row for row in plan.groups.all()}
    _make_room(before.values(), groups)
    rows = {group.name: _row_of(plan, before.get(group.name), seq, group) for seq, group in enumerate(groups, start=1)}
    for group in groups:
        rows[group.name].depends_on = None if group.depends_on is None else rows[group.depends_on]
    try:
        in_order(rows.values())
    except Circle as circle:
        raise Invalid(str(circle), code=circle.code, details=circle.details) from circle
    for name, row in rows.items():
        _store_group(before.get(name), row)
    members = {member.context_id: (rows[group.name], member) for group in groups for member in group.members}
    _write_members(plan, members, vms)
    for name in before.keys() - rows.keys():
        before[name].delete()


def _make_room(before: Iterable[RecoveryPlanGroup], groups: Sequence[Group]) -> None:
    """Move the groups out of the way of which others take the number."""
    wanted = {group.name: seq for seq, group in enumerate(groups, start=1)}
    taken = {row.seq for row in before}
    free = (number for number in count(len(groups) + 1) if number not in taken)
    for row in before:
        if row.seq != wanted.get(row.name) and row.seq <= len(groups):
            RecoveryPlanGroup.objects.filter(pk=row.pk).update(seq=next(free))


def _row_of(plan: RecoveryPlan, before: RecoveryPlanGroup | None, seq: int, group: Group) -> RecoveryPlanGroup:
    columns = {"seq": seq, "pause_seconds": group.pause_seconds, **_asked(group)}
    if before is None:
        return RecoveryPlanGroup.objects.create(plan=plan, name=group.name, **columns)
    row = copy(before)
    for name, value in columns.items():
        setattr(row, name, value)
    return row


def _store_group(before: RecoveryPlanGroup | None, row: RecoveryPlanGroup) -> None:
    mine = RecoveryPlanGroup.objects.filter(pk=row.pk)
    if before is None:
        if row.depends_on_id:
            update_noted(mine, depends_on=row.depends_on_id)
        return
    names = ("seq", "pause_seconds", "question", "answer_seconds", "default_answer", "depends_on_id")
    changed = {name: getattr(row, name) for name in names if getattr(before, name) != getattr(row, name)}
    if changed:
        mine.update(**changed, updated_at=UtcNow())
        note_difference(before, row)


def _write_members(
    plan: RecoveryPlan, wanted: Mapping[str, tuple[RecoveryPlanGroup, Member]], vms: Mapping[str, VMContext]
) -> None:
    present = {row.vm_context_id: row for row in plan.members.all()}
    for context_id in present.keys() - wanted.keys():
        present[context_id].delete()
    for context_id in present.keys() & wanted.keys():
        row, (group, member) = present[context_id], wanted[context_id]
        if (row.group_id, row.is_critical) != (group.pk, member.is_critical):
            row.group, row.is_critical = group, member.is_critical
            row.save(update_fields=["group", "is_critical", "updated_at"])
    for context_id, (group, member) in wanted.items():
        if context_id not in present:
            # One by one, as each has its entry in the audit log.
            plan.members.create(group=group, vm_context=vms[context_id], is_critical=member.is_critical)


def _told(plan: RecoveryPlan) -> str:
    """The groups of a plan with their VMs in one text, for the plan's own entry in the audit log."""
    members: dict[int, list[str]] = {}
    for group, vm, critical in plan.members.order_by("pk").values_list("group_id", "vm_context_id", "is_critical"):
        members.setdefault(group, []).append(vm if critical else f"{vm} (not critical)")
    return "; ".join(
        f"{group.seq}. {group.name}"
        + (f" after {group.depends_on.name}" if group.depends_on else "")
        + f": {', '.join(members.get(group.pk, ())) or 'no VMs'}"
        for group in plan.groups.select_related("depends_on").order_by("seq")
    )


def _asked(group: Group) -> dict[str, Any]:
    asked = group.question
    if asked is None:
        return {"question": None, "answer_seconds": None, "default_answer": None}
    return {"question": asked.text, "answer_seconds": asked.answer_seconds, "default_answer": asked.default_answer}


def _check_groups(groups: Sequence[Group]) -> None:
    names = [group.name for group in groups]
    if twice := _twice(names):
        raise Invalid(f"There are two groups {twice}: give each a name of its own.")
    for group in groups:
        if not group.name.strip() or len(group.name) > LONGEST_NAME:
            raise Invalid(f"A group has a name of 1 to {LONGEST_NAME} characters: give it one.")
        if group.depends_on is not None and group.depends_on not in names:
            raise Invalid(f"Group {group.name} depends on {group.depends_on}, which is no group of the plan.")
        if not 0 <= group.pause_seconds <= MOST_SECONDS:
            raise Invalid(f"The pause after group {group.name} is from 0 to {MOST_SECONDS} seconds.")
        if group.question is not None:
            _check_question(group.name, group.question)


def _check_question(group: str, question: Question) -> None:
    if not question.text.strip() or len(question.text) > LONGEST_QUESTION:
        raise Invalid(f"The question after group {group} is a text of 1 to {LONGEST_QUESTION} characters.")
    if not 1 <= question.answer_seconds <= MOST_SECONDS:
        raise Invalid(f"There are from 1 to {MOST_SECONDS} seconds to answer the question after group {group}.")
    if question.default_answer not in DefaultAnswer.values:
        raise Invalid(
            f"If nobody answers the question after group {group} the run does one of {', '.join(DefaultAnswer.values)}."
        )


def _vms_of(plan: RecoveryPlan, wanted: list[str]) -> dict[str, VMContext]:
    """The VMs by their ids. Raises Invalid for one that comes twice, NotFound for one of somebody else."""
    if twice := _twice(wanted):
        raise Invalid(f"VM context {twice} is in the plan twice: a VM fails over once.", code="vm_twice")
    if len(wanted) > MOST_VMS:
        raise Invalid(f"A plan has at most {MOST_VMS} VMs, as all of them are claimed at once: make several plans.")
    found = VMContext.objects.managed().filter(vcenter__organization=plan.organization_id).in_bulk(wanted)
    for context_id in wanted:
        if context_id not in found:
            raise NotFound(f"There is no VM context {context_id} that is not archived.")
    return dict(found)


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
