"""Work that the clock asks for: each time that a schedule comes due is a slot, and what became of it is a row.

A schedule remembers its next slot. Whoever moves that on, by one conditional UPDATE in the transaction that writes the
slot, starts the job: any number of workers may look at once, and a slot is settled once.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.db.models import F, Q

from config.jobs import claims
from config.jobs.moves import By
from config.jobs.refusals import ClaimHeld
from config.jobs.schedules import check_schedule, slots_after
from config.refusals import Busy, Conflict, Invalid, Refusal
from config.schema.constraints import dated, filled, known
from config.schema.fields import CodeField, UtcNow
from config.transactions import whole
from inventory.models.base import Stamped

log = logging.getLogger(__name__)

CLOCK = By("schedule")
"""Who asks for what the clock asks for, as events name it."""
SCHEDULES_AT_ONCE = 50
SLOTS_AT_ONCE = 500
"""How many slots of one schedule that nobody looked at are written in one transaction."""


def clean_schedule(expression: str, zone: str) -> None:
    """For the `clean` of a model. Raises ValidationError, at the field that is wrong."""
    try:
        check_schedule(expression, zone)
    except Invalid as error:
        field = "time_zone" if error.code == "bad_time_zone" else "schedule"
        raise ValidationError({field: str(error)}) from None


class ScheduledQuerySet(models.QuerySet[Any]):
    """Schedules by what is to be done with them."""

    def on(self) -> Self:
        """Those that go by the clock: enabled, with a schedule, of a VM under management."""
        return self.filter(enabled=True, schedule__isnull=False, vm_context__archived_at=None)

    def off(self) -> Self:
        return self.filter(Q(enabled=False) | Q(schedule=None) | Q(vm_context__archived_at__isnull=False))

    def unplanned(self) -> Self:
        """Those that go by the clock and whose next slot nobody has reckoned since they were made or changed."""
        told = self.model.CALENDAR
        return self.on().filter(Q(next_slot_at=None) | Q(planned_for=None) | ~Q(planned_for=told))

    def due(self, now: datetime) -> Self:
        return self.on().filter(next_slot_at__lte=now, planned_for=self.model.CALENDAR)


class Scheduled(models.Model):
    """What comes due by the clock; a subclass has `vm_context`, `schedule` and `enabled`.

    The next slot counts only while `planned_for` is what the schedule says: so whoever changes it, in whichever way,
    need not know of the slot.
    """

    next_slot_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Empty: not reckoned yet.")
    planned_for = CodeField(
        max_length=320, null=True, blank=True, editable=False, help_text="What the next slot was reckoned from."
    )
    start_failed_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a fault of the hub kept it from being started; empty: its last try went well.",
    )

    objects: ClassVar[Any] = ScheduledQuerySet.as_manager()

    CALENDAR: ClassVar[Any] = models.F("schedule")
    """What `planned_for` is compared with."""

    class Meta:
        abstract = True

    @property
    def calendar(self) -> str:
        """The same of this row."""
        return str(self.schedule)  # type: ignore[attr-defined]

    @property
    def zone(self) -> str:
        """By the clocks of which time zone the schedule goes."""
        return "UTC"


class Outcome(models.TextChoices):
    """What became of a slot."""

    STARTED = "started"
    WAITING = "waiting", "waits for its VM"
    SKIPPED = "skipped"
    MISSED = "missed", "missed during an outage"


class Slot(Stamped):
    """One time at which a schedule came due; a subclass has `vm_context` and `job`, and its own unique key."""

    slot_at = models.DateTimeField()
    outcome = CodeField(max_length=64, choices=Outcome)
    reason = models.TextField(null=True, blank=True, help_text="Why no job was started.")

    class Meta:
        abstract = True

    @staticmethod
    def constraints(table: str) -> list[models.CheckConstraint]:
        return [
            known(table, "outcome", Outcome),
            filled(table, "reason"),
            dated(table, "slot_at"),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.STARTED) | Q(reason__isnull=False),
                name=f"{table}_no_job_for_a_reason",
                violation_error_message="A slot in which no job was started has the reason.",
            ),
        ]


@dataclass(frozen=True)
class Due:
    """A schedule or a slot that somebody has seen to be due, before it is looked at under the lock of its VM."""

    pk: Any
    vm_context: str


class Timetable:
    """One kind of work by the clock: where its schedules and slots are, and how its jobs begin."""

    schedules: Any
    slots: Any

    def start(self, schedule: Any) -> Any:
        """Create the job that a schedule asks for. Raises Refusal."""
        raise NotImplementedError

    def key(self, schedule: Any) -> Mapping[str, Any]:
        """By which columns the slots of a schedule are found."""
        raise NotImplementedError

    def schedule_of(self, slot: Any) -> Any:
        """The schedule of a slot that waits, if it still goes by the clock; else None."""
        raise NotImplementedError

    def start_due(self, now: datetime) -> int:
        """Settle what has come due until now, some of it at a time, and say how much that was; 0: there is no more.

        A slot whose VM is busy waits for its end, until the next one comes due. Of the slots that nobody looked at,
        the last is started and the others are written down as missed. One that fails holds up no other: it is tried
        again after all that have not failed since, what it raised is logged, and raised where nothing was settled.
        """
        last = F("start_failed_at").asc(nulls_first=True)
        self.schedules.objects.off().filter(next_slot_at__isnull=False).update(next_slot_at=None)
        unplanned = self.schedules.objects.unplanned().order_by(last, "pk")
        due = self.schedules.objects.due(now).order_by(last, "next_slot_at", "pk")
        free = {"vm_context__operation_claim__holder_id": None}
        waiting = self.slots.objects.filter(outcome=Outcome.WAITING, **free).order_by("updated_at", "pk")
        errors: list[Exception] = []
        settled = _sum(lambda each: self._plan(each, now), unplanned, errors, "start_failed_at")
        settled += _sum(lambda each: self._settle(each, now), due, errors, "start_failed_at")
        settled += _sum(self._try_again, waiting, errors, "updated_at")
        if errors and not settled:
            raise errors[0]
        return settled

    @whole
    def _plan(self, seen: Due, now: datetime) -> bool:
        """Reckon the next slot of a schedule that is new or changed: what lies before now is nobody's fault."""
        claims.lock_vm(seen.vm_context)
        schedule = self.schedules.objects.unplanned().filter(pk=seen.pk).first()
        return schedule is not None and self._go_on(schedule, after=now)

    @whole
    def _settle(self, seen: Due, now: datetime) -> bool:
        claims.lock_vm(seen.vm_context)
        schedule = self.schedules.objects.due(now).filter(pk=seen.pk).first()
        if schedule is None:
            return False
        begin = schedule.next_slot_at
        try:
            later = takewhile(lambda slot: slot <= now, slots_after(schedule.schedule, schedule.zone, begin))
        except Invalid:
            return self._go_on(schedule, after=now)
        due = [begin, *islice(later, SLOTS_AT_ONCE)]
        if not self._go_on(schedule, after=due[-1]):
            return False
        done = set(self._slots_of(schedule).filter(slot_at__in=due).values_list("slot_at", flat=True))
        is_all = len(due) <= SLOTS_AT_ONCE
        self._write_missed(schedule, [slot for slot in due[: -1 if is_all else None] if slot not in done], due[-1])
        if is_all and due[-1] not in done:
            self._end_waiting(schedule, "and then its next slot came due")
            slot = self._new(schedule, due[-1])
            self._try(schedule, slot)
            slot.save(force_insert=True)
        return True

    @whole
    def _try_again(self, seen: Due) -> bool:
        claims.lock_vm(seen.vm_context)
        slot = self.slots.objects.filter(pk=seen.pk, outcome=Outcome.WAITING).first()
        if slot is None:
            return False
        schedule = self.schedule_of(slot)
        if schedule is None:
            slot.outcome, slot.reason = Outcome.SKIPPED, f"{slot.reason} Meanwhile its schedule was turned off."
        else:
            self._try(schedule, slot)
        slot.save(update_fields=["outcome", "reason", "job", "updated_at"])
        return slot.outcome != Outcome.WAITING

    def _try(self, schedule: Any, slot: Any) -> None:
        """Start the job of a slot, or note why not."""
        try:
            slot.job = self.start(schedule)
            slot.outcome, slot.reason = Outcome.STARTED, None
        except (ClaimHeld, Busy) as error:
            slot.outcome, slot.reason = Outcome.WAITING, str(error)
        except Refusal as error:
            is_just_free = isinstance(error, Conflict) and error.code == "claim_just_freed"
            slot.outcome, slot.reason = Outcome.WAITING if is_just_free else Outcome.SKIPPED, str(error)

    def _go_on(self, schedule: Any, *, after: datetime) -> bool:
        """Remember the next slot after this time; False where somebody else has moved it on.

        A schedule that cannot be read is turned off, with the reason as its last slot.
        """
        before = self.schedules.objects.filter(
            pk=schedule.pk, next_slot_at=schedule.next_slot_at, planned_for=schedule.planned_for
        )
        try:
            following = next(slots_after(schedule.schedule, schedule.zone, after), None)
            if following is None:
                raise Invalid(f"{schedule.schedule} never comes due.")
        except Invalid as error:
            if not before.update(enabled=False, next_slot_at=None, start_failed_at=None):
                return False
            reason = f"{error} It is turned off until that is corrected."
            self._new(schedule, after, outcome=Outcome.SKIPPED, reason=reason).save(force_insert=True)
            return True
        return bool(before.update(next_slot_at=following, planned_for=schedule.calendar, start_failed_at=None))

    def _write_missed(self, schedule: Any, missed: list[datetime], last: datetime) -> None:
        if missed:
            self._end_waiting(schedule, "and then nobody looked at the clock")
        reason = f"No worker looked at the clock until after {last:%Y-%m-%dT%H:%M:%SZ}, which stands in for it."
        self.slots.objects.bulk_create(
            self._new(schedule, slot, outcome=Outcome.MISSED, reason=reason) for slot in missed
        )

    def _end_waiting(self, schedule: Any, then: str) -> None:
        for slot in self._slots_of(schedule).filter(outcome=Outcome.WAITING):
            slot.outcome, slot.reason = Outcome.SKIPPED, f"{slot.reason} It waited for that, {then}."
            slot.save(update_fields=["outcome", "reason", "updated_at"])

    def _slots_of(self, schedule: Any) -> Any:
        return self.slots.objects.filter(**self.key(schedule))

    def _new(self, schedule: Any, at: datetime, **columns: Any) -> Any:
        return self.slots(**{"vm_context_id": schedule.vm_context_id, **self.key(schedule)}, slot_at=at, **columns)


def _sum(act: Callable[[Due], bool], rows: Any, errors: list[Exception], tried_at: str) -> int:
    """How many of the first rows were settled; `tried_at` is the column that puts one that failed behind the others."""
    done = 0
    for each in _seen(rows):
        try:
            done += act(each)
        except Exception as error:
            log.exception("%s %s of %s could not be settled", rows.model._meta.verbose_name, each.pk, each.vm_context)
            errors.append(error)
            with suppress(DatabaseError):
                rows.model.objects.filter(pk=each.pk).update(**{tried_at: UtcNow()})
    return done


def _seen(rows: Any) -> list[Due]:
    return [Due(*row) for row in rows.values_list("pk", "vm_context_id")[:SCHEDULES_AT_ONCE]]
