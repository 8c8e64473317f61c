"""Years of runs and restore points for the fleet, to see how pages and queries bear them.

A million rows are not built as a million objects: of each kind one is built and checked, and the others are its
columns with a few of them changed, which the database itself copies from rows that are there where it can.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, reset_queries, transaction
from django.db.models import F, Model, QuerySet, Value
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Coalesce
from django.utils import timezone

from backups.models import (
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupStatus,
    BackupType,
)
from config.demo.chance import chance
from config.demo.stories.backups import COMPLETED as BACKED_UP
from config.demo.stories.replication import COMPLETED as REPLICATED
from config.jobs.models import JobEvent
from inventory.identifiers import stamp
from inventory.models import HolderKind, VMContext, VMDisk
from replication.models import DiskStatus, ReplicationDisk, ReplicationJob, ReplicationStatus, ReplicationType, Target

WRITTEN_BY = "seed history"
CHUNK = 100
BATCH = 1000
DAYS = 300
YOUNGEST_DAYS = 4
FULL_EVERY = 10
FAILED_EVERY = 25


class Like:
    """Rows that are like one of their model but for some columns."""

    def __init__(self, row: Model, *changed: str) -> None:
        """The row is checked as a form would check it; `changed` are names of fields."""
        opts = row._meta
        row.clean_fields(exclude=[field.name for field in opts.concrete_fields if field.is_relation])
        self._changed = [opts.get_field(name) for name in changed]
        others = [field for field in opts.concrete_fields if field not in self._changed and field != opts.auto_field]
        values = {field: field.pre_save(row, True) for field in others}
        same = [
            field for field, value in values.items() if value is not None and not isinstance(value, DatabaseDefault)
        ]
        self._values = [field.get_db_prep_save(values[field], connection) for field in same]
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in [*same, *self._changed])
        width = len(same) + len(changed)
        self._row = f"({', '.join(['%s'] * width)})"
        self._insert = f"INSERT INTO {quote(opts.db_table)} ({columns}) "
        self._batch = min(BATCH, (connection.features.max_query_params or BATCH * width) // width)

    def write(self, rows: Iterable[Sequence[Any]]) -> int:
        """Write a row for each tuple of the changed columns, in their order; says how many."""
        written, left = 0, iter(rows)
        with connection.cursor() as cursor:
            while batch := list(islice(left, self._batch)):
                values = [value for row in batch for value in (*self._values, *map(self._prepared, row))]
                cursor.execute(f"{self._insert} VALUES {', '.join([self._row] * len(batch))}", values)
                written += len(batch)
        return written

    def write_from(self, rows: QuerySet[Any], *changed: Any) -> int:
        """Write a row for each row of the query, inside the database: the changed columns are expressions of it."""
        same = map(Value, self._values)
        sql, params = rows.order_by().values_list(*same, *changed).query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"{self._insert} {sql}", params)
            return int(cursor.rowcount)

    @staticmethod
    def _prepared(value: Any) -> Any:
        return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def add_history(runs: int, points: int, tell: Callable[[str], None]) -> int:
    """Give each VM of the fleet so many earlier replication jobs and restore points; says how many rows were written.

    A VM that has such a history keeps it. It is written chunk by chunk, each a transaction: what is killed in the
    middle is gone on with by the next call.
    """
    if not runs and not points:
        return 0
    fleet = VMContext.objects.filter(name__startswith="fleet-").order_by("pk")
    told = set(ReplicationJob.objects.filter(created_by=WRITTEN_BY).values_list("vm_context_id", flat=True).distinct())
    told |= set(BackupJob.objects.filter(created_by=WRITTEN_BY).values_list("vm_context_id", flat=True).distinct())
    keys = [key for key in fleet.values_list("pk", flat=True) if key not in told]
    chance.reseed(len(told))
    try:
        written = 0
        for done in range(0, len(keys), CHUNK):
            with transaction.atomic():
                written += _Chunk(keys[done : done + CHUNK]).tell(runs, points)
            # With DEBUG, Django keeps the last 9,000 statements, of which each here is of a thousand rows.
            reset_queries()
            tell(f"history of {min(done + CHUNK, len(keys)):,} of {len(keys):,} VMs, {written:,} rows")
        return written
    finally:
        chance.forget()


def clear_history() -> int:
    """Remove all jobs of all histories, disks with them; says how many jobs. Their events refer to nothing and stay."""
    removed = 0
    while keys := list(ReplicationJob.objects.filter(created_by=WRITTEN_BY).values_list("pk", flat=True)[:BATCH]):
        VMDisk.objects.filter(job__in=keys).update(job=None)
        removed += ReplicationJob.objects.filter(pk__in=keys)._raw_delete(connection.alias)
    while keys := list(BackupJob.objects.filter(created_by=WRITTEN_BY).values_list("pk", flat=True)[:BATCH]):
        # A chain cannot be taken apart row by row in one statement, where an engine looks at each row by itself.
        BackupJob.objects.filter(parent__in=keys).update(parent=None, backup_type=BackupType.FULL)
        removed += BackupJob.objects.filter(pk__in=keys)._raw_delete(connection.alias)
    return removed


class _Chunk:
    def __init__(self, keys: Sequence[str]) -> None:
        self.vms = list(VMContext.objects.filter(pk__in=keys).select_related("vcenter").prefetch_related("disks"))
        organization = self.vms[0].vcenter.organization_id
        self.target = Target.objects.filter(organization=organization)[0]
        self.policy = BackupPolicy.objects.filter(organization=organization)[0]
        self.repository = BackupRepository.objects.filter(organization=organization)[0]
        self.now = timezone.now()

    def times(self, count: int) -> Iterator[datetime]:
        """The oldest first."""
        step = timedelta(days=DAYS) / max(count, 1)
        newest = self.now - timedelta(days=YOUNGEST_DAYS)
        return (newest - step * (count - 1 - number) for number in range(count))

    def tell(self, runs: int, points: int) -> int:
        return self._runs(runs) + self._points(points)

    def _runs(self, count: int) -> int:
        return 0 if not count else sum(self._write_runs(list(self._each_run(count))))

    def _each_run(self, count: int) -> Iterator[tuple[VMContext, str, datetime, bool]]:
        for vm in self.vms:
            for number, begin in enumerate(self.times(count)):
                yield vm, chance.identifier("job", stamp(begin)), begin, number % FAILED_EVERY == FAILED_EVERY - 1

    def _write_runs(self, runs: Sequence[tuple[VMContext, str, datetime, bool]]) -> Iterator[int]:
        completed = ReplicationJob(
            id="job-1",
            target=self.target,
            vm_context=self.vms[0],
            replication_type=ReplicationType.INCREMENTAL,
            type_reason="Every disk has a base.",
            status=ReplicationStatus.COMPLETED,
            source_vm_name="vm",
            progress_percent=100,
            engine="engine-1",
            created_by=WRITTEN_BY,
        )
        columns = ("id", "vm_context", "source_vm_name", "created_at", "started_at", "completed_at")
        done = Like(completed, *columns, "snapshot_at")
        completed.status, completed.progress_percent = ReplicationStatus.FAILED, 40
        completed.error_code, completed.error_message = "engine_error", "The source closed the connection."
        failed = Like(completed, *columns)
        minutes = [timedelta(minutes=each) for each in (1, 2, 25)]
        yield done.write(
            (key, vm.pk, vm.name, at, at + minutes[0], at + minutes[2], at + minutes[1])
            for vm, key, at, has_failed in runs
            if not has_failed
        )
        yield failed.write(
            (key, vm.pk, vm.name, at, at + minutes[0], at + minutes[2]) for vm, key, at, bad in runs if bad
        )
        told = ReplicationJob.objects.filter(created_by=WRITTEN_BY, vm_context__in=self.vms)
        disk = ReplicationDisk(status=DiskStatus.COMPLETED, bytes_total=2**30, bytes_synced=2**30)
        completed = told.filter(status=ReplicationStatus.COMPLETED, vm_context__disks__isnull=False)
        columns = "job", "vm_disk", "created_at"
        yield Like(disk, *columns).write_from(completed, "pk", "vm_context__disks", "created_at")
        times = "created_at", "started_at", Coalesce("snapshot_at", "started_at"), "completed_at"
        yield from self._write_events(HolderKind.REPLICATION, told, REPLICATED, times)

    def _points(self, count: int) -> int:
        return 0 if not count else sum(self._write_points(list(self._each_point(count))))

    def _each_point(self, count: int) -> Iterator[tuple[VMContext, str, datetime, str | None, int]]:
        for vm in self.vms:
            parent = None
            for number, begin in enumerate(self.times(count)):
                key = chance.identifier("backup", vm.name, stamp(begin))
                yield vm, key, begin, parent if number % FULL_EVERY else None, number
                parent = key

    def _write_points(self, points: Sequence[tuple[VMContext, str, datetime, str | None, int]]) -> Iterator[int]:
        job = BackupJob(
            id="backup-1",
            vm_context=self.vms[0],
            repository=self.repository,
            policy=self.policy,
            backup_type=BackupType.FULL,
            status=BackupStatus.COMPLETED,
            progress_percent=100,
            engine="engine-1",
            created_by=WRITTEN_BY,
        )
        columns = ("id", "vm_context", "created_at", "started_at", "snapshot_at", "completed_at", "parent")
        columns = (*columns, "backup_type", "type_reason")
        begin, end = timedelta(minutes=1), timedelta(minutes=18)
        yield Like(job, *columns).write(
            (
                *(key, vm.pk, at, at + begin, at + begin, at + end, parent),
                *(
                    (BackupType.INCREMENTAL.value, "Every disk has a copy to build on.")
                    if parent
                    else (BackupType.FULL.value, "A full back-up is due.")
                ),
            )
            for vm, key, at, parent, _ in points
        )
        disk = BackupDisk(
            disk_id="disk-1", status=BackupDiskStatus.COMPLETED, path="path", capacity_bytes=1, bytes_stored=2**28
        )
        tracking = {each.pk: chance.uuid() for vm in self.vms for each in vm.disks.all()}
        yield Like(
            disk, "job", "vm_disk", "disk_id", "path", "capacity_bytes", "change_id", "base_change_id", "created_at"
        ).write(
            (
                *(key, each.pk, each.disk_id, f"{key}/{each.disk_id}.img", each.capacity_bytes),
                *(f"{tracking[each.pk]}/{number + 1}", f"{tracking[each.pk]}/{number}" if parent else None, at),
            )
            for vm, key, at, parent, number in points
            for each in vm.disks.all()
        )
        told = BackupJob.objects.filter(created_by=WRITTEN_BY, vm_context__in=self.vms)
        yield from self._write_events(HolderKind.BACKUP, told, BACKED_UP, ("created_at", "started_at", "completed_at"))

    def _write_events(self, kind: str, jobs: QuerySet[Any], statuses: str, times: Sequence[Any]) -> Iterator[int]:
        """The moves of jobs through the statuses, each at its time; the last is to the status that each job has."""
        columns = "at", "job_id", "vm_context_id", "to_status"
        named = statuses.split()
        after = [*map(Value, named[:-1]), F("status")]
        for before, status, at in zip([None, *named[:-1]], after, times, strict=True):
            event = JobEvent(job_kind=kind, job_id="job-1", vm_context_id="vm", to_status="pending", actor="engine-1")
            event.from_status = before
            yield Like(event, *columns).write_from(jobs, at, "pk", "vm_context", status)
