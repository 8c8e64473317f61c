"""Looking at the whole fleet, and writing down how each VM and each repository stands.

Readiness of 10,000 VMs takes seconds, so no page computes it: pages count and filter what the last survey wrote, and
say of when it is. The numbers of the home and the lists behind them read the same rows and cannot disagree.
"""

import uuid
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Q
from django.utils import timezone

from backups.capacity import repository_capacity
from config.schema.fields import SecondsSince, UtcNow
from config.staff.models import RepositoryStanding, StandingFinding, Survey, VMStanding
from failover import findings
from failover.readiness import Readiness, readiness_of_all
from replication.rpo import RpoState

THE_ONE = 1
LEASE_SECONDS = 300
"""After this long a survey that has not ended is taken for dead, and another may begin."""
LEAST_SECONDS = 60
"""So long after a survey nobody has another one taken by hand: it reads the whole fleet, and anybody may ask for it."""
BATCH = 5_000


def survey_if_due() -> bool:
    """Look at the fleet if that is longer ago than SURVEY_SECONDS (0: never); whether it was. A duty of the worker."""
    return bool(settings.SURVEY_SECONDS) and take_survey(every=settings.SURVEY_SECONDS)


def take_survey(*, every: float = 0) -> bool:
    """Look at the fleet, unless somebody is at it or has been within `every` seconds; whether it was done."""
    begun, holder = monotonic(), uuid.uuid4().hex
    if not _take(holder, every):
        return False
    try:
        now = timezone.now()
        found = readiness_of_all(now=now)
        stored = _stored(now)
        with transaction.atomic():
            _write(found)
            _write_stored(stored)
            mine = Survey.objects.filter(pk=THE_ONE, holder=holder)
            told = {"as_of": now, "vms": len(found), "seconds": monotonic() - begun}
            if not mine.update(**told, holder=None, taken_at=None):
                transaction.set_rollback(True)  # taken for dead: another one has begun, and writes what it finds
                return False
    except BaseException:
        Survey.objects.filter(pk=THE_ONE, holder=holder).update(holder=None, taken_at=None)
        raise
    return True


def why_not_now() -> str:
    """Why `take_survey` with LEAST_SECONDS does nothing at the moment, and when the fleet was last looked at."""
    row = Survey.objects.annotate(age=SecondsSince("as_of")).filter(pk=THE_ONE).first()
    if row is None or row.as_of is None or row.holder is not None:
        return "A survey is at work already; its figures come when it ends."
    seen = f"The fleet was looked at at {row.as_of:%H:%M:%S} UTC, {max(0, row.age):.0f} s ago"
    left = LEAST_SECONDS - row.age
    return f"{seen}: {f'look again in {left:.0f} s' if left >= 1 else 'look again now'}."


def forget_standings() -> None:
    """Remove all that surveys wrote, as if nobody had looked yet."""
    for model in (StandingFinding, VMStanding, RepositoryStanding, Survey):
        model._default_manager.all()._raw_delete(DEFAULT_DB_ALIAS)


def _take(holder: str, every: float) -> bool:
    Survey.objects.get_or_create(pk=THE_ONE)
    row = Survey.objects.annotate(age=SecondsSince("as_of"), taken_for=SecondsSince("taken_at"))
    is_due = Q(as_of=None) | Q(age__gte=every)
    free = row.filter(Q(holder=None) | Q(taken_for__gt=LEASE_SECONDS), is_due, pk=THE_ONE)
    return bool(free.update(holder=holder, taken_at=UtcNow()))


def _write(found: Sequence[Readiness]) -> None:
    """Bring the rows to what was found; what has not changed is not written."""
    standings = {each.vm_context_id: _standing(each) for each in found}
    _bring(VMStanding, "vm_context_id", ("rpo", "test", "live"), standings)
    codes: dict[Any, tuple[Any, ...]] = {}
    for each in found:
        tests, lives = ({one.code.name for one in each.blockers(kind)} for kind in findings.BOTH)
        for code in {one.code.name for one in each.findings}:
            codes[each.vm_context_id, code] = (code in tests, code in lives)
    columns = ("blocks_test", "blocks_live")
    present = {
        (vm, code): (pk, tuple(values))
        for pk, vm, code, *values in StandingFinding.objects.values_list("pk", "vm_context_id", "code", *columns)
    }
    gone = [pk for key, (pk, values) in present.items() if codes.get(key) != values]
    for begin in range(0, len(gone), BATCH):
        StandingFinding.objects.filter(pk__in=gone[begin : begin + BATCH]).delete()
    new = [
        StandingFinding(vm_context_id=vm, code=code, blocks_test=values[0], blocks_live=values[1])
        for (vm, code), values in codes.items()
        if present.get((vm, code), (None, None))[1] != values
    ]
    StandingFinding.objects.bulk_create(new, batch_size=BATCH)


def _standing(found: Readiness) -> tuple[str, str, str]:
    codes = {finding.code.name for finding in found.findings}
    rpo = RpoState.MET
    if findings.RPO_UNKNOWN.name in codes:
        rpo = RpoState.UNKNOWN
    elif findings.RPO_BREACHED.name in codes:
        rpo = RpoState.BREACHED
    return rpo.value, found.verdict(findings.TEST).value, found.verdict(findings.LIVE).value


def _stored(now: Any) -> dict[Any, tuple[Any, ...]]:
    """What each repository holds, what it held before it grew as measured (None: unknown), its growth, days to full."""
    return {
        each.repository.pk: (
            each.used_bytes,
            None if each.grown_bytes is None else each.used_bytes - each.grown_bytes,
            *(each.growth_bytes_per_day, each.days_to_full),
        )
        for each in repository_capacity(now=now)
    }


def _write_stored(stored: Mapping[Any, tuple[Any, ...]]) -> None:
    columns = ("stored_bytes", "stored_bytes_before", "growth_bytes_per_day", "days_to_full")
    _bring(RepositoryStanding, "repository_id", columns, stored)


def _bring(model: Any, key: str, columns: tuple[str, ...], wanted: Mapping[Any, tuple[Any, ...]]) -> None:
    """Make the rows of a table, by their key, those that are wanted, and write only what differs."""
    present = {row[0]: tuple(row[1:]) for row in model.objects.values_list(key, *columns)}
    # What differs is written anew: a change in place would spell out each row's values in one long CASE.
    gone = [each for each, values in present.items() if wanted.get(each) != values]
    for begin in range(0, len(gone), BATCH):
        model.objects.filter(**{f"{key}__in": gone[begin : begin + BATCH]}).delete()
    new = [
        model(**{key: each}, **dict(zip(columns, values, strict=True)))
        for each, values in wanted.items()
        if present.get(each) != values
    ]
    model.objects.bulk_create(new, batch_size=BATCH)
