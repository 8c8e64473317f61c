"""The rules of jobs and claims over several rows: who breaks them, whoever wrote that (docs/invariants.md)."""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Exists, F, Min, OuterRef, Q, Subquery

from config.jobs.kinds import kinds
from config.jobs.models import JobEvent
from inventory.integrity import Broken
from inventory.models import OperationClaim


def broken_rules() -> Iterator[Broken]:
    """Those of all kinds of job."""
    oldest = JobEvent.objects.aggregate(at=Min("at"))["at"]
    for kind in kinds():
        if kind.model.HOLDS_CLAIM:
            yield from _claims(kind.model)
        yield from _events(kind.model, oldest)


def _claims(model: Any) -> Iterator[Broken]:
    active = model.objects.active()
    for key in active.exclude(vm_context__operation_claim__holder_id=F(model.PUBLIC_ID)).values_list(
        model.PUBLIC_ID, flat=True
    ):
        yield Broken(
            "INV-CLAIM-10",
            f"{model.KIND}:{key}",
            f"{model.KIND} job {key} is active and does not hold the claim of its VM, so another may work on it too.",
            "Find out which job works on the VM, and end the other: failed, with its time, its error and an event.",
        )
    mine = active.filter(**{"vm_context": OuterRef("pk"), model.PUBLIC_ID: OuterRef("holder_id")})
    for vm, holder in OperationClaim.objects.filter(~Exists(mine), holder_kind=model.KIND).values_list(
        "pk", "holder_id"
    ):
        yield Broken(
            "INV-CLAIM-10",
            f"claim:{vm}",
            f"The claim of VM context {vm} is held by {model.KIND} job {holder}, which is no active job of it.",
            "See that nobody works on the VM, then set all columns of its claim but the fence to NULL.",
        )


def _events(model: Any, oldest: Any) -> Iterator[Broken]:
    """Events are kept for a time; a job that is older than the oldest of them may have lost its own."""
    if oldest is None:
        return
    its = JobEvent.objects.filter(job_kind=model.KIND, job_id=OuterRef(model.PUBLIC_ID))
    moves = model.LIFECYCLE.moves
    last = its.filter(to_status__in=list(moves)).order_by("-id").values("to_status")[:1]
    jobs = model.objects.filter(created_at__gte=oldest).annotate(told=Subquery(last))
    for key, status, told in jobs.filter(~Q(told=F("status")) | Q(told=None)).values_list(
        model.PUBLIC_ID, "status", "told"
    ):
        yield Broken(
            "INV-EVENT-02",
            f"{model.KIND}:{key}",
            f"{model.KIND} job {key} is {status}, and its events end with {told or 'nothing'}.",
            "Somebody has moved it past the services: find out who, and add the event with the reason.",
        )
    legal = [Q(from_status=before, to_status=after) for before, following in moves.items() for after in following]
    other = [Q(from_status=a, to_status=b) for each in model.OTHER_MOVES.values() for a, to in each.items() for b in to]
    stays = Q(from_status=F("to_status"))
    made = Q(from_status=None, to_status__in=model.LIFECYCLE.waiting)
    for key, before, after in (
        JobEvent.objects.filter(job_kind=model.KIND)
        .exclude(reduce(or_, [*legal, *other, stays, made]))
        .values_list("job_id", "from_status", "to_status")
    ):
        yield Broken(
            "INV-EVENT-02",
            f"{model.KIND}:{key}",
            f"An event of {model.KIND} job {key} tells of a move from {before or 'nothing'} to {after}, which is none.",
            "Somebody has written it past the services: find out who, and what really happened.",
        )
