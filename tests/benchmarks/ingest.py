"""First and repeated discovery of an estate in memory, beside the same rows by bulk_create with nothing read before."""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from inventory.models import (  # noqa: E402
    DiscoveryOutcome,
    DiscoveryRun,
    Host,
    OperationClaim,
    Organization,
    Vcenter,
    VMContext,
    VMDisk,
    VMNetworkInterface,
    new_context_id,
)
from inventory.services.differences import DISK, NIC, VM  # noqa: E402
from inventory.services.discovery import discover  # noqa: E402
from inventory.services.matching import identities  # noqa: E402
from tests.estates import BATCH, MemorySource, estate  # noqa: E402

TABLES: tuple[type[Model], ...] = (
    DiscoveryOutcome,
    DiscoveryRun,
    VMNetworkInterface,
    VMDisk,
    OperationClaim,
    VMContext,
    Host,
)


def empty() -> None:
    for model in TABLES:
        model._base_manager.all()._raw_delete("default")


def measured(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def floor(source: MemorySource, vcenter: Vcenter) -> None:
    """The rows of a first discovery, batch by batch in a transaction each, and nothing else."""
    from django.utils import timezone

    run = DiscoveryRun.objects.create(
        vcenter=vcenter, source_kind="vcenter", source_name="floor", started_at=timezone.now()
    )
    for batch in source.batches():
        with transaction.atomic():
            rows = rows_of(batch.vms, vcenter, run)
            for model in (VMContext, OperationClaim, VMDisk, VMNetworkInterface, DiscoveryOutcome):
                model._default_manager.bulk_create(rows[model])


def rows_of(vms: Any, vcenter: Vcenter, run: DiscoveryRun) -> dict[type[Model], list[Any]]:
    rows: dict[type[Model], list[Any]] = {model: [] for model in TABLES}
    for vm in vms:
        key = new_context_id(vm.name)
        rows[VMContext].append(
            VMContext(context_id=key, vcenter=vcenter, identity=identities(vm)[0], **VM.given(VM.read(vm)))
        )
        rows[OperationClaim].append(OperationClaim(vm_context_id=key))
        rows[VMDisk] += [
            VMDisk(vm_context_id=key, disk_id=f"disk-{each.device_key}", **DISK.given(DISK.read(each)))
            for each in vm.disks
        ]
        rows[VMNetworkInterface] += [
            VMNetworkInterface(vm_context_id=key, **NIC.given(NIC.read(each))) for each in vm.interfaces
        ]
        rows[DiscoveryOutcome].append(DiscoveryOutcome(run=run, vm_name=vm.name, vm_context_id=key, outcome="added"))
    return rows


def copy(source: MemorySource, vcenter: Vcenter) -> None:
    """The VMs, claims, disks and interfaces by COPY: what PostgreSQL itself can do."""
    rows = rows_of(source.vms, vcenter, DiscoveryRun(pk=0))
    with transaction.atomic(), connection.cursor() as cursor:
        for model in (VMContext, OperationClaim, VMDisk, VMNetworkInterface):
            fields = [
                field
                for field in model._meta.concrete_fields
                if not field.generated and not field.has_db_default() and not (field.primary_key and field.name == "id")
            ]
            names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
            with cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as sink:
                for row in rows[model]:
                    sink.write_row(
                        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    source = estate(options.vms)
    organization, _ = Organization.objects.get_or_create(name="Benchmark", slug="benchmark")
    vcenter, _ = Vcenter.objects.get_or_create(organization=organization, name="benchmark")

    def run() -> None:
        discover(source, source_name="memory", find_vcenter=lambda origin: vcenter, by="benchmark")

    works: dict[str, Callable[[], Any]] = {"floor": lambda: floor(source, vcenter), "first": run, "repeated": run}
    if connection.vendor == "postgresql":
        works = {"copy": lambda: copy(source, vcenter), **works}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(options.rounds):
        for name, work in works.items():
            if name != "repeated":
                empty()
            times[name].append(measured(work))
    queries = {}
    for name in ("first", "repeated"):
        if name == "first":
            empty()
        connection.force_debug_cursor = True
        with CaptureQueriesContext(connection) as captured:
            run()
        queries[name] = len(captured)
    rows = {model._meta.db_table: model._base_manager.count() for model in (VMContext, VMDisk, VMNetworkInterface)}
    json.dump(
        {
            "rows": rows,
            "batches": -(-options.vms // BATCH),
            "seconds": {name: round(statistics.median(each), 2) for name, each in times.items()},
            "queries": queries,
            "first_to_floor": round(statistics.median(map(lambda a, b: a / b, times["first"], times["floor"])), 2),
            "repeated_to_first": round(
                statistics.median(map(lambda a, b: a / b, times["repeated"], times["first"])), 2
            ),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
