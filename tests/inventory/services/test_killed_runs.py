"""A discovery whose process was killed: whole VMs or none, seen as lost, and begun again by the next worker."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from config.demo.factories import VcenterFactory, VMContextFactory
from inventory.models import DiscoveryRun, OperationClaim, VMContext, VMDisk, VMNetworkInterface
from inventory.services import queue
from inventory.sources.records import Batch
from tests.estates import MemorySource, estate
from tests.forks import in_a_fork

pytestmark = pytest.mark.django_db(transaction=True)
VMS, BATCH = 12, 4


@dataclass
class Deadly(MemorySource):
    """A source at whose second batch of VMs its reader is killed."""

    def batches(self, names: Any = ()) -> Iterator[Batch]:
        for number, batch in enumerate(super().batches(names)):
            if number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


def kill_at(statement: str) -> Callable[..., Any]:
    """Kill the process where it has just sent this statement, in the middle of its transaction."""

    def execute(send: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = send(sql, params, many, context)
        if sql.replace('"', "").replace("`", "").startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return execute


@pytest.fixture
def source(monkeypatch):
    """Where the vCenter is read from; set by the test."""
    read = {"source": replace(estate(VMS), batch=BATCH)}
    monkeypatch.setattr(queue, "open_vcenter", lambda vcenter, time_limit=None: read["source"])
    return read


def next_run(*wrappers: Callable[..., Any]) -> int:
    """What became of a worker that looks for a run: 0, it has done one; 3, it found none; or minus the signal."""

    def work() -> None:
        with ExitStack() as stack:
            for wrapper in wrappers:
                stack.enter_context(connection.execute_wrapper(wrapper))
            raise SystemExit(0 if queue.do_next_run() else 3)

    return in_a_fork(work)


def each_is_whole(count: int) -> bool:
    """Whether there are so many VMs, each with all its disks and interfaces and its claim."""
    expected = estate(count).vms
    return (VMContext.objects.count(), VMDisk.objects.count(), VMNetworkInterface.objects.count()) == (
        count,
        sum(len(vm.disks) for vm in expected),
        sum(len(vm.interfaces) for vm in expected),
    ) and OperationClaim.objects.filter(holder_id=None).count() == count


@pytest.mark.parametrize(("dies", "stored"), [("between two batches", BATCH), ("in the middle of one", 0)])
def test_a_run_whose_process_was_killed_is_lost_and_the_next_worker_goes_on(source, dies, stored):
    healthy = source["source"]
    run = queue.request_run(VcenterFactory.create(), by="ann")
    if stored:
        source["source"] = Deadly(healthy.vms, healthy.hosts, batch=BATCH)
    wrappers = [] if stored else [kill_at("INSERT INTO vm_network_interfaces")]
    assert next_run(*wrappers) == -signal.SIGKILL

    source["source"] = healthy
    run.refresh_from_db()
    assert run.status == "running" and each_is_whole(stored)
    # Whoever looks within the lease leaves it to the one that may still be at work.
    assert next_run() == 3
    DiscoveryRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=61))
    assert DiscoveryRun.objects.lost().get() == run

    assert next_run() == 0
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "lost")
    again = DiscoveryRun.objects.exclude(pk=run.pk).get()
    assert (again.status, again.attempt, again.added_by) == ("completed", 2, "ann")
    assert again.counts == {"added": VMS - stored} | ({"unchanged": stored} if stored else {})
    assert each_is_whole(VMS)
    assert next_run() == 3


@dataclass
class Slow(MemorySource):
    """A source whose reader is taken for lost before the batch of this number; the one behind the last is its end."""

    late_at: int = 0

    def batches(self, names: Any = ()) -> Iterator[Batch]:
        number = 0
        for number, batch in enumerate(super().batches(names), start=1):
            if number == self.late_at:
                self.lose()
            yield batch
        if number < self.late_at:
            self.lose()

    def lose(self) -> None:
        DiscoveryRun.objects.filter(status="running").update(heartbeat_at=timezone.now() - timedelta(seconds=61))
        queue.end_lost_runs()


@pytest.mark.parametrize(("late_at", "stored"), [(3, BATCH), (5, VMS)])
def test_a_reader_taken_for_lost_stores_nothing_more_and_calls_nothing_missing(source, late_at, stored, caplog):
    vcenter = VcenterFactory.create()
    gone = VMContextFactory.create(vcenter=vcenter, name="not in the source")
    source["source"] = Slow(source["source"].vms, source["source"].hosts, batch=BATCH, late_at=late_at)
    run = queue.request_run(vcenter, by="ann")
    assert queue.do_next_run()
    run.refresh_from_db()
    gone.refresh_from_db()
    assert (run.status, run.error_code, gone.missing_since) == ("failed", "lost", None)
    assert VMContext.objects.exclude(pk=gone.pk).count() == stored
    assert "run_ended" in caplog.text
    assert DiscoveryRun.objects.get(status="waiting").attempt == 2
