"""Jobs that the clock starts: each slot once, whoever looks, and what became of it is written down."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backups.models import BackupJob, BackupSchedule, BackupSlot
from backups.services.schedules import start_due_backups
from config.demo.factories import ProtectionFactory
from config.jobs.people import cancel
from config.schema.keeping import database_now
from inventory.models import OperationClaim, VMContext
from replication.models import Protection, ReplicationJob, ReplicationSlot
from replication.services.jobs import create_replication
from replication.services.schedules import Replications, start_due_replications
from tests.backups.vms import PERSON, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
def vm():
    return vm_with_disks(1)


@pytest.fixture
def protection(vm):
    """Copied each hour, and looked at for the first time before midnight."""
    made = ProtectionFactory.create(vm_context=vm, schedule="0 * * * *")
    assert start_due_replications(NIGHT) == 1
    return made


def slots(model=ReplicationSlot) -> list[tuple[int, str]]:
    """The hours after the first look, and what became of each."""
    rows = model.objects.order_by("slot_at").values_list("slot_at", "outcome")
    return [((at - NIGHT) // timedelta(minutes=30), outcome) for at, outcome in rows]


def end_job() -> None:
    cancel(ReplicationJob.objects.active().get().pk, by=PERSON, reason="make room")


def test_what_is_new_begins_with_its_next_slot_and_each_slot_starts_one_job(protection):
    assert slots() == [] and start_due_replications(NIGHT) == 0
    assert start_due_replications(NIGHT + HOUR) == 1
    assert start_due_replications(NIGHT + HOUR) == 0
    [slot] = ReplicationSlot.objects.all()
    assert (slot.outcome, slot.job.created_by, slot.job.vm_context) == ("started", "schedule", protection.vm_context)
    assert slot.slot_at == NIGHT + HOUR / 2


def test_slot_of_a_busy_vm_waits_and_is_started_once_when_the_vm_is_free(protection):
    other = create_replication(protection.vm_context, by=PERSON)
    assert start_due_replications(NIGHT + HOUR) == 1
    [slot] = ReplicationSlot.objects.all()
    assert slot.outcome == "waiting" and other.pk in slot.reason
    assert start_due_replications(NIGHT + HOUR) == 0
    end_job()
    assert [start_due_replications(NIGHT + HOUR) for _ in range(2)] == [1, 0]
    slot.refresh_from_db()
    assert (slot.outcome, slot.reason, ReplicationJob.objects.count()) == ("started", None, 2)


def test_schedule_that_fails_holds_up_no_other(protection, caplog):
    class Failing(Replications):
        def start(self, schedule):
            if schedule.pk == protection.pk:
                raise LookupError("nobody has thought of this")
            return super().start(schedule)

    other = ProtectionFactory.create(vm_context=vm_with_disks(1), schedule="0 * * * *")
    start_due_replications(NIGHT)
    assert Failing().start_due(NIGHT + HOUR) == 1, "the worker goes on with what there is to do"
    assert f"protection {protection.pk} of {protection.vm_context_id} could not be settled" in caplog.text
    assert "LookupError: nobody has thought of this" in caplog.text
    with pytest.raises(LookupError):
        Failing().start_due(NIGHT + HOUR)
    assert [slot.vm_context for slot in ReplicationSlot.objects.all()] == [other.vm_context]
    assert start_due_replications(NIGHT + HOUR) == 1, "what had failed is begun again"


@pytest.fixture
def window(monkeypatch):
    """How many are looked at in one go."""
    monkeypatch.setattr("config.jobs.slots.SCHEDULES_AT_ONCE", 2)
    return 2


class Faulty(Replications):
    """Of these VMs none can be started, for a fault that nobody has thought of."""

    def __init__(self, *vms):
        self.vms = {vm.pk for vm in vms}

    def start(self, schedule):
        if schedule.vm_context_id in self.vms:
            raise LookupError("nobody has thought of this")
        return super().start(schedule)

    def looks(self, now, count):
        for _ in range(count):
            with suppress(LookupError):
                self.start_due(now)


def test_more_schedules_that_fail_each_time_than_are_looked_at_in_one_go_hold_up_none_behind_them(window):
    vms = [vm_with_disks(1) for _ in range(window + 2)]
    for minute, vm in enumerate(vms):
        ProtectionFactory.create(vm_context=vm, schedule=f"{minute} * * * *")
    while start_due_replications(NIGHT):
        pass
    faulty = Faulty(*vms[:-1])
    # The one behind them comes due last.
    faulty.looks(NIGHT + HOUR, 2)
    assert [slot.vm_context for slot in ReplicationSlot.objects.all()] == [vms[-1]]
    assert Protection.objects.filter(start_failed_at=None).get().vm_context == vms[-1]
    while start_due_replications(NIGHT + HOUR):
        pass
    assert set(slots()) == {(1, "started")} and len(slots()) == len(vms), "what had failed is begun again"
    assert not Protection.objects.exclude(start_failed_at=None).exists()


def test_schedules_that_fail_take_turns_when_they_are_tried_again(window):
    vms = [vm_with_disks(1) for _ in range(window + 1)]
    for vm in vms:
        ProtectionFactory.create(vm_context=vm, schedule="0 * * * *")
    while start_due_replications(NIGHT):
        pass
    Faulty(*vms).looks(NIGHT + HOUR, window + 1)
    times = Protection.objects.order_by("start_failed_at").values_list("start_failed_at", flat=True)
    assert None not in times and len(set(times)) == len(vms)


def test_more_waiting_slots_that_fail_than_are_looked_at_in_one_go_hold_up_none_behind_them(window):
    vms = [vm_with_disks(1) for _ in range(window + 1)]
    for vm in vms:
        ProtectionFactory.create(vm_context=vm, schedule="0 * * * *")
        create_replication(vm, by=PERSON)
    while start_due_replications(NIGHT) or start_due_replications(NIGHT + HOUR):
        pass
    assert slots() == [(1, "waiting")] * len(vms)
    while job := ReplicationJob.objects.active().first():
        cancel(job.pk, by=PERSON, reason="make room")
    last = ReplicationSlot.objects.latest("updated_at").vm_context
    Faulty(*(vm for vm in vms if vm != last)).looks(NIGHT + HOUR, 2)
    assert ReplicationSlot.objects.get(outcome="started").vm_context == last


def test_slot_that_waits_is_given_up_for_the_next_one(protection):
    other = create_replication(protection.vm_context, by=PERSON)
    start_due_replications(NIGHT + HOUR)
    start_due_replications(NIGHT + 2 * HOUR)
    assert slots() == [(1, "skipped"), (3, "waiting")]
    assert other.pk in ReplicationSlot.objects.get(outcome="skipped").reason
    end_job()
    start_due_replications(NIGHT + 2 * HOUR)
    assert slots() == [(1, "skipped"), (3, "started")]


def test_after_an_outage_it_runs_once_and_the_missed_slots_are_written_down(protection):
    assert start_due_replications(NIGHT + 4 * HOUR) == 1
    assert slots() == [(1, "missed"), (3, "missed"), (5, "missed"), (7, "started")]
    assert "2026-11-21T03:00:00Z" in ReplicationSlot.objects.filter(outcome="missed")[0].reason
    assert ReplicationJob.objects.count() == 1


def test_outage_of_many_slots_is_written_down_some_at_a_time(vm):
    ProtectionFactory.create(vm_context=vm, schedule="* * * * *")
    assert [start_due_replications(at) for at in (NIGHT, NIGHT + 20 * HOUR)] == [1, 1]
    while start_due_replications(NIGHT + 20 * HOUR):
        pass
    counts = [ReplicationSlot.objects.filter(outcome=outcome).count() for outcome in ("missed", "started")]
    assert (counts, ReplicationJob.objects.count()) == ([20 * 60 - 1, 1], 1)


@pytest.mark.parametrize(
    ("columns", "outcome"), [({"runs_at": "target"}, [(1, "skipped")]), ({"archived_at": NIGHT}, [])]
)
def test_vm_that_runs_at_the_target_or_is_archived_is_not_copied(protection, columns, outcome):
    VMContext.objects.filter(pk=protection.vm_context_id).update(**columns)
    start_due_replications(NIGHT + HOUR)
    assert (slots(), ReplicationJob.objects.count()) == (outcome, 0)


def test_slots_of_a_schedule_that_was_off_are_not_missed(protection):
    Protection.objects.update(enabled=False)
    assert start_due_replications(NIGHT + HOUR) == 0
    Protection.objects.update(enabled=True)
    assert [start_due_replications(NIGHT + 5 * HOUR) for _ in range(2)] == [1, 0]
    assert slots() == []
    assert start_due_replications(NIGHT + 6 * HOUR) == 1
    assert slots() == [(11, "started")]


def test_changed_schedule_counts_from_the_next_look_whoever_changed_it(protection):
    Protection.objects.update(schedule="15,45 * * * *")
    start_due_replications(NIGHT + HOUR)
    assert slots() == []
    assert Protection.objects.get().next_slot_at == datetime(2026, 11, 21, 0, 45, tzinfo=UTC)


@pytest.mark.parametrize("text", ["every night", "0 0 */31 2 1#5"])
def test_schedule_that_cannot_be_read_is_turned_off_with_the_reason(protection, text):
    Protection.objects.update(schedule=text)
    assert [start_due_replications(NIGHT + HOUR) for _ in range(2)] == [1, 0]
    [slot] = ReplicationSlot.objects.all()
    assert slot.outcome == "skipped" and text in slot.reason and "turned off" in slot.reason
    assert Protection.objects.get().enabled is False


def test_vm_without_a_claim_is_told_as_such_and_holds_up_no_other(protection):
    OperationClaim.objects.filter(vm_context=protection.vm_context_id).delete()
    other = ProtectionFactory.create(vm_context=vm_with_disks(1), schedule="0 * * * *")
    start_due_replications(NIGHT)
    start_due_replications(NIGHT + HOUR)
    assert "check_integrity" in ReplicationSlot.objects.get(vm_context=protection.vm_context_id).reason
    assert ReplicationSlot.objects.get(vm_context=other.vm_context_id).outcome == "started"


def test_back_up_is_started_with_repository_policy_and_type_of_its_schedule(vm):
    repository = repository_of(vm)
    schedule = BackupSchedule.objects.create(
        vm_context=vm, repository=repository, backup_type="full", schedule="0 1 * * *", time_zone="Europe/Berlin"
    )
    start_due_backups(NIGHT)
    start_due_backups(NIGHT + HOUR)
    [slot] = BackupSlot.objects.all()
    assert (slot.slot_at, slot.outcome) == (datetime(2026, 11, 21, 0, 0, tzinfo=UTC), "started")
    job = BackupJob.objects.get()
    assert (job.repository, job.backup_type, job.created_by) == (repository, "full", "schedule")
    schedule.delete()
    assert BackupSlot.objects.get().schedule is None


def test_number_of_queries_does_not_grow_with_what_is_not_due(protection, django_assert_num_queries):
    for _ in range(5):
        ProtectionFactory.create(vm_context=vm_with_disks(1), schedule="0 5 * * *")
    while start_due_replications(NIGHT):
        pass
    with django_assert_num_queries(4):
        assert start_due_replications(NIGHT) == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_start_one_job_for_each_slot():
    vms = [vm_with_disks(1) for _ in range(4)]
    for vm in vms:
        ProtectionFactory.create(vm_context=vm, schedule="* * * * *")
        BackupSchedule.objects.create(vm_context=vm, repository=repository_of(vm), schedule="* * * * *")
    now = database_now(connection)
    start_due_replications(now)
    start_due_backups(now)
    begin, failures = threading.Barrier(6), []

    def work() -> None:
        try:
            begin.wait(10)
            while start_due_replications(now + HOUR) + start_due_backups(now + HOUR):
                pass
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    started = {slot.vm_context_id for slot in ReplicationSlot.objects.filter(outcome="started")}
    started_backups = {slot.vm_context_id for slot in BackupSlot.objects.filter(outcome="started")}
    assert started | started_backups == {vm.pk for vm in vms} and not started & started_backups
    assert ReplicationJob.objects.count() + BackupJob.objects.count() == len(vms)
    assert ReplicationSlot.objects.count() == BackupSlot.objects.count() == 60 * len(vms)
