"""What discovery does to the inventory, on the engine of this run."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, models
from django.utils import timezone

from inventory.models import (
    DiscoveryOutcome,
    DiscoveryRun,
    Host,
    OperationClaim,
    Organization,
    Vcenter,
    VMContext,
    VMDisk,
    VMNetworkInterface,
)
from inventory.services import discovery
from inventory.services.discovery import discover
from inventory.services.reports import Report
from inventory.services.writing import Plan
from inventory.sources.records import Batch, Finding, SourceError
from tests.estates import MemorySource, disk, estate, hosts, interface, machine

pytestmark = pytest.mark.django_db
INVENTORY: tuple[type[models.Model], ...] = (Vcenter, Host, VMContext, VMDisk, VMNetworkInterface, OperationClaim)


@pytest.fixture
def vcenter():
    organization = Organization.objects.create(name="Acme", slug="acme")
    return Vcenter.objects.create(organization=organization, name="vc01", host="vc01.example.org")


@pytest.fixture
def run(vcenter):
    def run(*vms, source: MemorySource | None = None, **options: Any) -> Report:
        source = source or MemorySource(vms, hosts())
        return discover(source, source_name="test", find_vcenter=lambda origin: vcenter, by="tester", **options)

    return run


def inventory() -> dict[str, list[tuple[Any, ...]]]:
    """Every column of every inventory row."""
    return {model._meta.db_table: sorted(model._base_manager.values_list(), key=repr) for model in INVENTORY}


def only(report: Report):
    [outcome] = report.outcomes
    return outcome


def test_a_discovered_vm_has_all_its_disks_interfaces_host_and_a_free_claim(run):
    report = run(machine(1))

    vm = VMContext.objects.get()
    assert only(report).outcome == "added"
    assert only(report).context_id == vm.context_id
    assert vm.identity == "uuid:50000000-0000-4000-8000-000000000001"
    assert vm.host.name == "esx1.example.org"
    assert vm.added_by == "tester"
    assert list(vm.disks.values_list("disk_id", "size_gb", "job_id")) == [
        ("disk-2000", 40, None),
        ("disk-2001", 41, None),
    ]
    assert vm.network_interfaces.count() == 2
    assert vm.operation_claim.holder_id is None
    assert vm.operation_claim.fence == 0


def test_a_second_run_changes_no_inventory_row_and_says_unchanged(run):
    source = estate(60)
    run(source=source)
    before = inventory()

    report = run(source=source)

    assert report.counts == {"unchanged": 60}
    assert inventory() == before
    assert DiscoveryOutcome.objects.filter(run=report.run_ids[0], outcome="unchanged").count() == 60


def test_a_dry_run_prints_the_difference_and_writes_nothing(run):
    run(machine(1), machine(2))
    before, runs = inventory(), DiscoveryRun.objects.count()

    report = run(machine(1, memory_mb=8192), machine(3), dry_run=True)

    by_name = {each.name: each for each in report.outcomes}
    assert by_name["vm-00001"].changes == {"memory_mb": [4096, 8192]}
    assert (by_name["vm-00003"].outcome, by_name["vm-00003"].context_id) == ("added", None)
    assert by_name["vm-00002"].outcome == "missing"
    assert inventory() == before
    assert DiscoveryRun.objects.count() == runs


def test_a_renamed_vm_stays_one_vm(run):
    context_id = only(run(machine(1))).context_id

    report = run(machine(1, name="renamed"))

    assert only(report).changes == {"name": ["vm-00001", "renamed"]}
    assert VMContext.objects.get().context_id == context_id
    assert VMContext.objects.get().version == 2


def test_a_removed_disk_is_marked_and_comes_back_as_the_same_row(run):
    run(machine(1))
    first, second = VMDisk.objects.values_list("pk", flat=True).order_by("device_key")

    report = run(machine(1, disks=(disk(0),)))

    assert only(report).changes == {"disks": {"disk-2001": "removed"}}
    assert VMDisk.objects.get(pk=second).removed_at is not None
    assert VMDisk.objects.get(pk=first).removed_at is None
    run(machine(1))
    assert VMDisk.objects.get(pk=second).removed_at is None


def test_a_grown_disk_is_updated_and_nothing_else_is(run):
    run(machine(1), machine(2))
    others = set(VMDisk.objects.exclude(vm_context__name="vm-00001", device_key=2001).values_list())

    report = run(machine(1, disks=(disk(0), disk(1, capacity_bytes=2**40))), machine(2))

    assert report.counts == {"updated": 1, "unchanged": 1}
    assert VMDisk.objects.get(vm_context__name="vm-00001", device_key=2001).size_gb == 1024
    assert set(VMDisk.objects.exclude(vm_context__name="vm-00001", device_key=2001).values_list()) == others


def test_unknown_never_overwrites_known(run):
    run(machine(1))
    before = inventory()
    facts = dict.fromkeys(("os_type", "memory_mb", "firmware", "power_state", "host", "annotation", "is_template"))

    report = run(machine(1, disks=None, interfaces=None, **facts))

    assert report.counts == {"unchanged": 1}
    assert inventory() == before


def test_a_guest_id_is_not_replaced_by_the_full_name_of_a_workbook(run):
    run(machine(1))

    assert only(run(machine(1, os_type="Ubuntu Linux (64-bit)"))).outcome == "unchanged"
    assert only(run(machine(1, os_type="debian12_64Guest"))).changes == {
        "os_type": ["ubuntu64Guest", "debian12_64Guest"]
    }


def test_disks_that_the_source_cannot_tell_are_not_taken_for_none(run):
    assert only(run(machine(1, disks=None, interfaces=None))).outcome == "added"
    assert VMDisk.objects.count() == 0

    assert only(run(machine(1))).changes["disks"] == {"disk-2000": "added", "disk-2001": "added"}


def test_an_identity_is_upgraded_in_place_and_never_downgraded(run):
    context_id = only(run(machine(1, instance_uuid=None, moref=None))).context_id
    assert VMContext.objects.get().identity == "name:vm-00001"

    run(machine(1, instance_uuid=None))
    assert VMContext.objects.get().identity == "moref:vm-1"
    run(machine(1))
    assert VMContext.objects.get().identity.startswith("uuid:")
    report = run(machine(1, instance_uuid=None, moref=None))

    assert only(report).outcome == "unchanged"
    assert VMContext.objects.get().context_id == context_id
    assert VMContext.objects.get().identity.startswith("uuid:")


def test_a_reregistered_vm_with_a_new_moref_stays_one_vm(run):
    run(machine(1))

    assert only(run(machine(1, moref="vm-900"))).changes == {"moref": ["vm-1", "vm-900"]}


def test_two_vms_of_one_name_are_two_and_a_source_that_knows_only_names_is_in_conflict(run):
    run(machine(1, name="twin"), machine(2, name="twin"))
    assert VMContext.objects.count() == 2

    report = run(machine(3, name="twin", instance_uuid=None, moref=None))

    conflict = next(each for each in report.outcomes if each.outcome == "conflict")
    assert "the name twin" in conflict.reason
    assert VMContext.objects.count() == 2


def test_names_that_differ_in_case_only_are_two_vms(run):
    weak = {"instance_uuid": None, "moref": None}
    report = run(machine(1, name="web", **weak), machine(2, name="WEB", **weak))

    assert report.counts == {"added": 2}
    assert run(machine(1, name="web", **weak), machine(2, name="WEB", **weak)).counts == {"unchanged": 2}


def test_a_vm_that_the_source_lists_twice_is_in_conflict_the_second_time(run):
    report = run(machine(1), machine(1, name="copy"))

    assert report.counts == {"conflict": 2}
    assert "give each an identity of its own" in report.outcomes[1].reason
    one_by_one = run(source=MemorySource([machine(1), machine(1, name="copy")], hosts(), batch=1))
    assert one_by_one.counts == {"added": 1, "conflict": 1}


def test_an_interface_known_by_its_mac_is_recognised_when_its_key_becomes_known(run):
    run(machine(1, interfaces=(interface(0, 1, nic_key="mac:00:50:56:00:00:01"),)))
    row = VMNetworkInterface.objects.get()

    report = run(machine(1, interfaces=(interface(0, 1),)))

    assert only(report).changes == {
        "network_interfaces": {"mac:00:50:56:00:00:01": {"nic_key": ["mac:00:50:56:00:00:01", "key:4000"]}}
    }
    assert VMNetworkInterface.objects.get().pk == row.pk
    weaker = run(machine(1, interfaces=(interface(0, 1, nic_key="mac:00:50:56:00:00:01"),)))
    assert only(weaker).outcome == "unchanged"
    assert VMNetworkInterface.objects.get().nic_key == "key:4000"


def test_a_source_network_without_a_name_is_kept_unnamed(run):
    run(machine(1, interfaces=(interface(0, 1, network=None),)))

    assert VMNetworkInterface.objects.get().source_network_name is None
    assert not VMNetworkInterface.objects.get().network_known


def test_a_vm_gone_from_the_source_is_missing_and_seen_again_later(run):
    run(machine(1), machine(2))

    report = run(machine(1))

    assert report.counts == {"unchanged": 1, "missing": 1}
    since = VMContext.objects.get(name="vm-00002").missing_since
    assert since is not None
    run(machine(1))
    assert VMContext.objects.get(name="vm-00002").missing_since == since
    assert run(machine(1), machine(2)).counts == {"updated": 1, "unchanged": 1}
    assert VMContext.objects.get(name="vm-00002").missing_since is None


def test_a_name_asked_for_and_not_found_is_an_outcome_and_not_silence(run):
    run(machine(1), machine(2), machine(3))
    before = inventory()

    report = run(machine(1), machine(2), machine(3), names=["vm-00001", "nobody"])

    assert {each.name: each.outcome for each in report.outcomes} == {"vm-00001": "unchanged", "nobody": "missing"}
    assert not report.success
    assert inventory() == before


def test_a_vm_at_fault_is_a_failed_outcome_and_costs_nothing_else(run):
    vms = [machine(number) for number in range(40)]
    vms[7] = machine(7, cpu_count=-1)
    vms[23] = machine(23, disks=(disk(0), disk(1, capacity_bytes=-5)))

    report = run(*vms)

    assert report.counts == {"added": 38, "failed": 2}
    failed = {each.name: each.reason for each in report.outcomes if each.outcome == "failed"}
    assert set(failed) == {"vm-00007", "vm-00023"}
    assert all("Nothing of it was stored" in reason for reason in failed.values())
    assert not VMDisk.objects.filter(vm_context__name="vm-00023").exists()
    assert OperationClaim.objects.count() == 38


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"name": "n" * 300}, "name has 300 characters, at most 255 fit"),
        ({"power_state": "asleep"}, "power_state is 'asleep'"),
        ({"cpu_count": 2**40}, "cpu_count is 1099511627776, which is out of range"),
        ({"interfaces": (interface(0, adapter_type="x" * 65),)}, "adapter_type has 65 characters"),
    ],
)
def test_a_value_that_no_column_takes_is_named(run, facts, sentence):
    report = run(machine(1, **facts), machine(2))

    assert report.counts == {"added": 1, "failed": 1}
    assert sentence in next(each.reason for each in report.outcomes if each.outcome == "failed")


def test_a_vm_left_out_by_a_finding_is_failed_and_not_missing(run):
    run(machine(1), machine(2))
    finding = Finding("text_in_number", "Memory is 'much'; write a number.", "vInfo", 3, "Memory", vm_name="vm-00002")

    report = run(source=MemorySource([machine(1)], hosts(), [finding]))

    assert {each.name: each.outcome for each in report.outcomes} == {"vm-00001": "unchanged", "vm-00002": "failed"}
    assert VMContext.objects.get(name="vm-00002").missing_since is None
    stored = DiscoveryRun.objects.get(pk=report.run_ids[0])
    assert stored.findings == [
        {
            "code": "text_in_number",
            "message": "Memory is 'much'; write a number.",
            "sheet": "vInfo",
            "row": 3,
            "column": "Memory",
            "vm_name": "vm-00002",
            "severity": "error",
        }
    ]


def test_a_run_that_breaks_keeps_what_it_stored_and_running_again_goes_on(run):
    source = MemorySource([machine(number) for number in range(30)], hosts(), batch=10, breaks_after=2)

    with pytest.raises(SourceError):
        run(source=source)

    broken = DiscoveryRun.objects.get()
    assert (broken.status, broken.error_code) == ("failed", "lost")
    assert broken.completed_at is not None
    assert VMContext.objects.count() == 20
    assert not VMContext.objects.missing().exists()
    assert run(source=replace(source, breaks_after=None)).counts == {"added": 10, "unchanged": 20}


def test_a_run_that_was_killed_does_not_stay_running(run, vcenter):
    killed = DiscoveryRun.objects.create(
        vcenter=vcenter, source_kind="vcenter", source_name="test", started_at=timezone.now()
    )
    DiscoveryRun.objects.update(updated_at=timezone.now() - timedelta(hours=1))

    run(machine(1))

    killed.refresh_from_db()
    assert (killed.status, killed.error_code) == ("failed", "interrupted")


def test_the_run_says_what_it_did(run):
    report = run(machine(1), machine(2))

    stored = DiscoveryRun.objects.get(pk=report.run_ids[0])
    assert (stored.status, stored.counts, stored.added_by) == ("completed", {"added": 2}, "tester")
    assert set(stored.outcomes.values_list("vm_name", "outcome")) == {("vm-00001", "added"), ("vm-00002", "added")}


def test_hosts_are_changed_in_place_and_marked_missing(run):
    run(machine(1))
    changed = replace(hosts()[1], in_maintenance=True, name="esx1-renamed.example.org")

    run(source=MemorySource([machine(1)], [changed]))

    assert Host.objects.count() == 10
    host = Host.objects.get(moref="host-1")
    assert (host.name, host.in_maintenance, host.missing_since) == ("esx1-renamed.example.org", True, None)
    assert Host.objects.filter(missing_since__isnull=False).count() == 9


def test_hosts_that_come_in_one_batch_with_their_vms_are_stored_once(run, vcenter):
    class OneBatch(MemorySource):
        def batches(self, names=()):
            yield Batch(self.origin, tuple(self.hosts), tuple(self.vms), covers=None)

    source = OneBatch([machine(1), machine(2, host="esx2.example.org")], hosts())
    run(source=source)

    assert Host.objects.count() == 10
    assert VMContext.objects.get(name="vm-00001").host.name == "esx1.example.org"
    assert VMContext.objects.get(name="vm-00002").host.moref == "host-2"
    assert run(source=source).counts == {"unchanged": 2}


def test_a_host_that_only_a_vm_names_is_known_by_that_name(run):
    run(source=MemorySource([machine(1, host="esx-unlisted")]))

    host = Host.objects.get()
    assert (host.name, host.identity, host.moref) == ("esx-unlisted", "name:esx-unlisted", None)
    assert VMContext.objects.get().host == host
    assert run(source=MemorySource([machine(1, host="esx-unlisted")])).counts == {"unchanged": 1}


WEAK: dict[str, Any] = {"instance_uuid": None, "moref": None}


def test_a_partial_source_calls_nothing_outside_its_scope_missing(run):
    run(machine(1, datacenter="DC1"), machine(2, datacenter="DC1"), machine(3, datacenter="DC2"))

    unsaid = run(source=MemorySource([machine(1, datacenter="DC1")], covers=frozenset()))
    assert unsaid.counts == {"unchanged": 1}
    scoped = run(source=MemorySource([machine(1, datacenter="DC1")], covers=frozenset({"DC1"})))

    assert scoped.counts == {"unchanged": 1, "missing": 1}
    assert list(VMContext.objects.missing().values_list("name", flat=True)) == ["vm-00002"]


def test_a_source_that_lists_no_hosts_or_not_all_calls_none_missing(run):
    run(machine(1))

    run(source=MemorySource([machine(1)]))
    run(source=MemorySource([machine(1)], hosts(3), covers=frozenset({"DC0"})))

    assert not Host.objects.filter(missing_since__isnull=False).exists()


def test_a_moref_counts_for_more_than_a_name_that_was_left_behind(run):
    run(machine(9, name="web", **WEAK))
    true = next(each for each in run(machine(1, name="web2")).outcomes if each.outcome == "added")
    run(machine(1, name="web"))

    report = run(machine(1, name="web", instance_uuid=None))

    assert report.outcomes[0].context_id == true.context_id
    assert VMContext.objects.get(pk=true.context_id).identity.startswith("uuid:")


@pytest.mark.parametrize("batch", [1, 500])
def test_a_vm_known_by_its_name_alone_is_nobodys_while_two_of_the_source_bear_it(run, batch):
    weak = only(run(machine(9, name="web", **WEAK))).context_id

    report = run(source=MemorySource([machine(1, name="web"), machine(2, name="web")], hosts(), batch=batch))

    assert report.counts == {"added": 2, "missing": 1}
    assert VMContext.objects.get(pk=weak).identity == "name:web"


def test_a_vm_left_out_under_another_name_is_not_called_missing(run):
    run(machine(1), machine(2), machine(3))
    unreadable = Finding("vm_unreadable", "No configuration.", vm_name="renamed", moref="vm-2")
    placeholder = Finding("placeholder", "Left out on purpose.", vm_name="vm-00003", severity="info", moref="vm-3")

    report = run(source=MemorySource([machine(1)], hosts(), [unreadable, placeholder]))

    assert report.counts == {"unchanged": 1, "failed": 1}
    assert not VMContext.objects.missing().exists()


def test_a_template_that_a_workbook_leaves_out_is_not_called_missing(run):
    run(machine(1), machine(2, is_template=True))

    assert run(source=MemorySource([machine(1)], hosts(), kind="rvtools")).counts == {"unchanged": 1}


def test_a_vm_without_a_name_that_is_left_out_is_an_outcome(run):
    run(machine(1), machine(2))

    report = run(source=MemorySource([machine(1)], hosts(), [Finding("missing_name", "It has no name.", moref="vm-2")]))

    assert {each.name: each.outcome for each in report.outcomes} == {"vm-00001": "unchanged", "vm-2": "failed"}
    assert not report.success


def test_a_renamed_vm_that_cannot_be_stored_is_failed_and_not_missing(run):
    run(machine(1), machine(2))

    report = run(machine(1), machine(2, name="renamed", cpu_count=-1))

    assert report.counts == {"unchanged": 1, "failed": 1}


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_a_character_that_no_database_takes_fails_its_vm_only(run, character):
    finding = Finding("bad_value", f"It says {character}.", vm_name=f"bad{character}name")
    source = MemorySource(
        [machine(1, annotation=f"a{character}b"), machine(2)], hosts(), [finding, Finding("odd", character)]
    )

    report = run(source=source)

    assert report.counts == {"added": 1, "failed": 2}
    assert DiscoveryRun.objects.get().status == "completed"


def test_a_host_that_cannot_be_stored_is_a_finding_and_costs_no_vm(run):
    report = run(source=MemorySource([machine(1)], [*hosts(), replace(hosts()[0], moref="m" * 65, name="odd")]))

    assert report.counts == {"added": 1}
    assert [each.code for each in report.findings] == ["bad_host"]
    assert Host.objects.count() == 10


def test_hosts_that_swap_their_names_stay_two(run):
    run(machine(1))
    first, second, *others = hosts()

    run(
        source=MemorySource([machine(1)], [replace(first, name=second.name), replace(second, name=first.name), *others])
    )

    assert Host.objects.count() == 10
    assert Host.objects.get(moref="host-0").name == second.name
    assert VMContext.objects.get().host.moref == "host-1"


def test_a_new_host_that_takes_the_name_of_an_old_one_is_new(run):
    run(machine(1))
    first, *others = hosts()
    renamed, new = replace(first, name="esx0-old.example.org"), replace(first, moref="host-99")

    run(source=MemorySource([machine(1)], [new, renamed, *others]))

    assert dict(Host.objects.filter(moref__in=["host-0", "host-99"]).values_list("moref", "name")) == {
        "host-0": "esx0-old.example.org",
        "host-99": "esx0.example.org",
    }


def test_a_dry_run_says_what_the_run_then_does(run):
    run(machine(1), machine(2, name="gone"))
    new = replace(hosts()[0], moref="host-99", name="new")
    changed = MemorySource([machine(1, host="host-99"), machine(3, name="gone")], [*hosts(), new])

    dry = run(source=changed, dry_run=True)
    real = run(source=changed)

    assert [(each.name, each.outcome, each.changes) for each in dry.outcomes] == [
        (each.name, each.outcome, each.changes) for each in real.outcomes
    ]
    assert [each.changes for each in dry.outcomes if each.changes] == [{"host": ["esx1.example.org", "new"]}]


def test_an_archived_vm_that_is_seen_says_so(run):
    run(machine(1))
    VMContext.objects.update(archived_at=timezone.now())

    assert "archived" in only(run(machine(1))).reason


def test_a_vm_whose_claim_is_lacking_is_given_one(run):
    run(machine(1))
    OperationClaim.objects.all().delete()

    assert only(run(machine(1))).changes == {"operation_claim": "added"}
    assert OperationClaim.objects.count() == 1
    assert only(run(machine(1))).outcome == "unchanged"


def test_names_that_nobody_bears_make_no_vcenter(vcenter):
    class Nothing(MemorySource):
        def batches(self, names=()):
            return iter(())

    def refuse(origin):
        raise AssertionError("no vCenter is asked for")

    report = discover(Nothing([]), source_name="test", find_vcenter=refuse, by="tester", names=["typo"])

    assert report.counts == {"missing": 1}
    assert DiscoveryRun.objects.get().vcenter is None


def test_a_database_that_is_busy_is_asked_again_and_no_vm_is_blamed(run, monkeypatch):
    calls = []
    write = Plan.write

    def busy(plan):
        calls.append(plan)
        if len(calls) < 3:
            raise OperationalError("Deadlock found when trying to get lock; try restarting transaction")
        write(plan)

    monkeypatch.setattr(Plan, "write", busy)
    monkeypatch.setattr(discovery, "BUSY_SECONDS", 0.001)
    assert run(machine(1), machine(2)).counts == {"added": 2}

    monkeypatch.setattr(Plan, "write", lambda plan: (_ for _ in ()).throw(OperationalError("Lock wait timeout")))
    with pytest.raises(SourceError, match="too busy"):
        run(machine(3))
    assert DiscoveryRun.objects.latest().error_code == "database_busy"


@pytest.mark.django_db(transaction=True)
def test_a_weak_source_beside_a_strong_one_takes_nothing_back(vcenter, monkeypatch):
    """The weak one has compared before the strong one writes, and writes after it."""

    def discover_as(who, source):
        discover(source, source_name=who, find_vcenter=lambda origin: vcenter, by=who)

    def strong():
        discover_as("strong", MemorySource([machine(1)], hosts()))
        connection.close()

    def lock_late(self, context_ids):
        if not between.ident:
            between.start()
            # SQLite lets nobody write in between: there the strong one writes afterwards.
            between.join(2)
        lock(self, context_ids)

    between, lock = threading.Thread(target=strong), discovery._Discovery._lock
    discover_as("first", MemorySource([machine(1, instance_uuid=None, datacenter=None, cluster=None)]))
    monkeypatch.setattr(discovery._Discovery, "_lock", lock_late)
    late = machine(1, instance_uuid=None, datacenter=None, cluster=None, annotation="seen")
    discover_as("weak", MemorySource([late]))
    between.join()

    vm = VMContext.objects.get()
    assert (vm.identity[:5], vm.instance_uuid, vm.cluster) == ("uuid:", machine(1).instance_uuid, "DC0_C0")
    assert vm.annotation == "seen"


def test_queries_grow_with_batches_and_not_with_vms(run, django_assert_max_num_queries):
    def queries(vms: int, batch: int) -> int:
        VMContext.objects.all().delete()
        Host.objects.all().delete()
        source = MemorySource([machine(number) for number in range(vms)], hosts(), batch=batch)
        with django_assert_max_num_queries(10_000) as first:
            run(source=source)
        with django_assert_max_num_queries(10_000) as repeated:
            run(source=source)
        return len(first) + len(repeated)

    # The number of rows in a batch does not count, the number of batches does.
    assert queries(20, batch=20) == queries(30, batch=30)
    assert queries(40, batch=20) - queries(20, batch=20) <= 30


@pytest.mark.django_db(transaction=True)
def test_two_runs_of_one_estate_at_once_store_every_vm_once(vcenter):
    source = MemorySource([machine(number) for number in range(120)], hosts(), batch=15)
    reports: list[Report] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            reports.append(discover(source, source_name="test", find_vcenter=lambda origin: vcenter, by="tester"))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert VMContext.objects.count() == OperationClaim.objects.count() == 120
    assert VMDisk.objects.count() == sum(len(vm.disks) for vm in source.vms)
    assert Host.objects.count() == 10
    assert sum(report.counts.get("added", 0) for report in reports) == 120
    assert not any(report.counts.get("failed") for report in reports)
