import datetime
import os
import re
import time
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from inventory.sources.records import Batch, Disk, Finding, Host, NetworkInterface, Origin, SourceError, VirtualMachine
from inventory.sources.rvtools import RvtoolsSource

from .workbooks import (
    ABSENT,
    VCENTER,
    csv_folder,
    declaring_a_million_rows,
    disk,
    edited,
    host,
    nic,
    uuid,
    vm,
    with_rows_appended,
    with_shared_strings,
    workbook,
)

pytestmark = pytest.mark.no_database


def read(path: str | Path, names: Iterable[str] = ()) -> list[Batch]:
    return list(RvtoolsSource(path).batches(names))


def vms(batches: list[Batch]) -> dict[str, VirtualMachine]:
    return {vm.name: vm for batch in batches for vm in batch.vms}


def findings(batches: list[Batch]) -> list[Finding]:
    return [finding for batch in batches for finding in batch.findings]


def codes(batches: list[Batch]) -> list[str]:
    return [finding.code for finding in findings(batches)]


def only(batches: list[Batch]) -> Finding:
    (finding,) = findings(batches)
    return finding


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.xlsx"


def whole(path: Path, *numbers: int, **changes: Any) -> Path:
    """An export with nothing wrong in it; `changes` are to the first row of vInfo."""
    numbers = numbers or (1,)
    return workbook(
        path,
        vInfo=[vm(number, **(changes if number == numbers[0] else {})) for number in numbers],
        vDisk=[disk(number) for number in numbers],
        vNetwork=[nic(number) for number in numbers],
        vHost=[host()],
    )


class TestWhatIsRead:
    def test_a_whole_export_gives_a_vm_with_everything_and_no_finding(self, path):
        (batch,) = read(whole(path))

        assert batch.findings == ()
        assert batch.origin == Origin("vc1.example", VCENTER, "8.0.2.0")
        assert batch.hosts == (
            Host("esx1.example", "host-1", 32, 2400, 524288, "VMware ESXi 8.0.2 build-1", "Dell", "R750", False),
        )
        assert batch.vms == (
            VirtualMachine(
                name="vm1",
                instance_uuid=uuid(0x500001),
                moref="vm-1",
                bios_uuid=uuid(1),
                host="host-1",
                datacenter="DC1",
                cluster="C1",
                cpu_count=2,
                memory_mb=4096,
                os_type="Ubuntu Linux (64-bit)",
                firmware="efi",
                power_state="poweredOn",
                is_template=False,
                change_tracking=True,
                disks=(Disk(2000, "[ds1] vm1/vm1_2000.vmdk", "ds1", "Hard disk 1", "thin", None, 0, 1024**3),),
                interfaces=(
                    NetworkInterface(
                        "mac:00:50:56:00:01:00", "Network adapter 1", "VM Network", "00:50:56:00:01:00", "vmxnet3", True
                    ),
                ),
            ),
        )

    def test_texts_may_stand_in_one_table_for_the_whole_workbook(self, path):
        inline = read(whole(path, 1, 2))
        assert read(with_shared_strings(path)) == inline

    def test_the_total_is_unknown_until_the_export_was_read(self, path):
        source = RvtoolsSource(whole(path, 1, 2))
        assert source.total is None
        list(source.batches())
        assert source.total == 2

    def test_names_select_exactly_these_vms_and_their_findings(self, path):
        export = whole(path, 1, 2, 11, CPUs="four")
        assert list(vms(read(export, ["vm2", "VM11"]))) == ["vm2"]
        assert codes(read(export, ["vm2"])) == []
        assert codes(read(export, ["vm1"])) == ["bad_number"]

    def test_batches_hold_at_most_500_vms(self, path):
        export = workbook(path, vInfo=[vm(number, Disks=0, NICs=0) for number in range(1201)], vHost=[host()])
        batches = read(export)
        assert [len(batch.vms) for batch in batches] == [500, 500, 201]
        assert [len(batch.hosts) for batch in batches] == [1, 0, 0]

    def test_vcenters_in_one_workbook_are_kept_apart_though_their_vm_ids_are_the_same(self, path):
        other = {"VI SDK UUID": uuid(77), "VI SDK Server": "vc2.example"}
        export = workbook(
            path,
            vInfo=[vm(1), vm(1, VM="twin", **other)],
            vDisk=[disk(1), disk(1, **other, **{"Capacity MiB": 5})],
            vNetwork=[nic(1), nic(1, **other)],
            vHost=[host(), host(**other, **{"Object ID": "host-9"})],
        )
        first, second = read(export)
        assert (first.origin.server, second.origin.server) == ("vc1.example", "vc2.example")
        assert [vm.name for vm in (*first.vms, *second.vms)] == ["vm1", "twin"]
        assert second.vms[0].disks[0].capacity_bytes == 5 * 1024**2
        assert second.vms[0].host == "host-9"
        assert first.findings == second.findings == ()

    def test_a_sheet_may_name_its_vcenter_by_server_only(self, path):
        export = workbook(path, vInfo=[vm(1)], vDisk=[disk(1, **{"VI SDK UUID": ABSENT})], vNetwork=[nic(1)])
        assert len(vms(read(export))["vm1"].disks) == 1

    def test_templates_are_yielded_and_srm_placeholders_are_counted(self, path):
        export = workbook(
            path,
            vInfo=[vm(1, Template=True), vm(2, **{"SRM Placeholder": "True"}), vm(3, **{"SRM Placeholder": True})],
            vDisk=[disk(1), disk(2)],
            vNetwork=[nic(1)],
        )
        batches = read(export)
        assert [(vm.name, vm.is_template) for vm in vms(batches).values()] == [("vm1", True)]
        counted, *each = findings(batches)
        assert (counted.code, counted.leaves_out_a_vm) == ("placeholders_left_out", False)
        assert counted.message.startswith("2 SRM placeholders")
        assert [(found.code, found.severity, found.row) for found in each] == [
            ("placeholder", "info", 3),
            ("placeholder", "info", 4),
        ]
        assert [(found.vm_name, found.moref, found.instance_uuid) for found in each] == [
            ("vm2", "vm-2", uuid(0x500002)),
            ("vm3", "vm-3", uuid(0x500003)),
        ]

    def test_every_placeholder_is_named_however_many_there_are(self, path):
        rows = [vm(n, **{"SRM Placeholder": True}) for n in range(1500)]
        batches = read(workbook(path, vInfo=[vm(1501, Disks=0, NICs=0), *rows]))
        named = {found.moref for found in findings(batches) if found.code == "placeholder"}
        assert named == {f"vm-{n}" for n in range(1500)}

    def test_an_export_covers_each_vcenter_that_it_names(self, path):
        other = {"VI SDK UUID": uuid(77), "VI SDK Server": "vc2.example"}
        rows = [vm(n, Disks=0, NICs=0) for n in range(501)] + [vm(1, Disks=0, NICs=0, **other)]
        assert [batch.covers for batch in read(workbook(path, vInfo=rows))] == [None] * 3

    def test_an_export_that_names_no_vcenter_covers_the_one_it_is_read_into(self, path):
        assert [batch.covers for batch in read(workbook(path, vInfo=[{"VM": "web"}]))] == [None]

    def test_provisioning_is_told_from_raw_thin_and_eagerly_scrub(self, path):
        kinds = [
            ("True", "False", "False"),
            ("False", "True", ""),
            ("False", "False", "True"),
            ("False", "False", ""),
            ("", "", ""),
        ]
        rows = [
            disk(1, 2000 + index, Raw=raw, Thin=thin, **{"Eagerly Scrub": eager})
            for index, (raw, thin, eager) in enumerate(kinds)
        ]
        export = workbook(path, vInfo=[vm(1, Disks=5)], vDisk=rows, vNetwork=[nic(1)])
        assert [disk.provisioning_type for disk in vms(read(export))["vm1"].disks] == [
            "rdm",
            "thin",
            "eager_zeroed_thick",
            "thick",
            None,
        ]

    def test_disks_are_ordered_by_their_keys_not_by_text(self, path):
        export = workbook(
            path, vInfo=[vm(1, Disks=3)], vDisk=[disk(1, 16000), disk(1, 2000), disk(1, 3000)], vNetwork=[nic(1)]
        )
        assert [disk.device_key for disk in vms(read(export))["vm1"].disks] == [2000, 3000, 16000]


class TestVersionsOfRvtools:
    def test_vm_uuid_was_the_smbios_uuid_before_there_was_a_column_of_that_name(self, path):
        found = vms(read(whole(path, **{"SMBIOS UUID": ABSENT})))["vm1"]
        assert found.instance_uuid is None
        assert found.bios_uuid == uuid(0x500001)

    def test_sheets_of_old_versions_are_called_tab_and_their_capacity_is_in_mb(self, path):
        old = disk(1, **{"Capacity MiB": ABSENT, "Disk Path": ABSENT, "Capacity MB": 2048, "Path": "[a b] vm1/x.vmdk"})
        export = workbook(path, tabvInfo=[vm(1)], TABVDISK=[old], tabvNetwork=[nic(1)])
        (found,) = vms(read(export))["vm1"].disks
        assert (found.capacity_bytes, found.datastore) == (2 * 1024**3, "a b")

    def test_names_of_columns_may_have_blanks_another_case_and_the_name_of_the_sheet(self, path):
        export = workbook(path, vInfo=[{" vm ": "web", "vInfoCPUs": 4, "MEMORY  ": 512, "POWERSTATE": "PoweredOff"}])
        assert vms(read(export))["web"] == VirtualMachine("web", cpu_count=4, memory_mb=512, power_state="poweredOff")

    def test_an_export_without_vm_ids_is_joined_by_name_and_says_that_this_is_weak(self, path):
        bare = {"VM ID": ABSENT, "SMBIOS UUID": ABSENT, "VM UUID": ABSENT}
        export = workbook(
            path,
            vInfo=[vm(1, **bare), vm(2, **bare)],
            vDisk=[disk(2, **{"VM ID": ABSENT}), disk(1, **{"VM ID": ABSENT})],
            vNetwork=[nic(1, **{"VM ID": ABSENT}), nic(2, **{"VM ID": ABSENT})],
        )
        batches = read(export)
        assert [len(vm.disks) for vm in vms(batches).values()] == [1, 1]
        weak = only(batches)
        assert (weak.code, weak.severity, weak.vm_name) == ("weak_identity", "warning", None)
        assert "2 of 2 VMs" in weak.message
        assert "name" in weak.message

    def test_an_export_that_names_no_vcenter_has_an_unknown_origin(self, path):
        nowhere = {"VI SDK UUID": ABSENT, "VI SDK Server": ABSENT}
        export = workbook(path, vInfo=[vm(1, **nowhere)], vDisk=[disk(1, **nowhere)], vNetwork=[nic(1, **nowhere)])
        (batch,) = read(export)
        assert batch.origin == Origin(version="8.0.2.0")
        assert len(batch.vms[0].disks) == 1
        assert codes([batch]) == ["origin_unknown"]

    @pytest.mark.parametrize("missing", ["sheet", "key", "id", "rows"])
    def test_disks_that_the_export_does_not_hold_are_unknown_and_not_none(self, path, missing):
        sheets = {
            "sheet": {},
            "key": {"vDisk": [disk(1, **{"Disk Key": ABSENT})]},
            "id": {"vDisk": [disk(1, **{"VM ID": ABSENT})]},
            "rows": {"vDisk": [dict.fromkeys(disk(1))]},
        }[missing]
        batches = read(workbook(path, vInfo=[vm(1)], vNetwork=[nic(1)], **sheets))
        assert vms(batches)["vm1"].disks is None
        assert (only(batches).code, only(batches).severity, only(batches).vm_name) == ("disks_unknown", "warning", None)

    def test_interfaces_that_the_export_does_not_hold_are_unknown_and_not_none(self, path):
        batches = read(workbook(path, vInfo=[vm(1)], vDisk=[disk(1)]))
        assert vms(batches)["vm1"].interfaces is None
        assert codes(batches) == ["interfaces_unknown"]

    def test_a_vm_without_disks_and_interfaces_has_none(self, path):
        export = workbook(path, vInfo=[vm(1), vm(2, Disks=0, NICs=0)], vDisk=[disk(1)], vNetwork=[nic(1)])
        assert (vms(read(export))["vm2"].disks, vms(read(export))["vm2"].interfaces) == ((), ())

    @pytest.mark.parametrize("count", [ABSENT, None, "many"])
    def test_devices_that_nothing_counts_and_no_row_holds_are_unknown(self, path, count):
        rows = [vm(number, Disks=count, NICs=count) for number in (1, 2, 3)]
        batches = read(workbook(path, vInfo=rows, vDisk=[disk(1)], vNetwork=[nic(1)]))
        assert [len(vms(batches)["vm1"].disks), len(vms(batches)["vm1"].interfaces)] == [1, 1]
        for name in ("vm2", "vm3"):
            assert (vms(batches)[name].disks, vms(batches)[name].interfaces) == (None, None)
        told = [found for found in findings(batches) if found.code != "bad_number"]
        assert [(found.code, found.severity, found.vm_name, found.column) for found in told] == [
            ("disks_unknown", "warning", None, "Disks"),
            ("interfaces_unknown", "warning", None, "NICs"),
        ]
        assert all(found.message.startswith("2 VMs have no number of") for found in told)

    def test_a_column_that_occurs_twice_is_not_read(self, path):
        export = whole(path)
        book = openpyxl.load_workbook(export)
        book["vInfo"].cell(1, 60, "Cluster")
        book["vInfo"].cell(2, 60, "another")
        book.save(export)
        batches = read(export)
        assert vms(batches)["vm1"].cluster is None
        assert (only(batches).code, only(batches).column) == ("ambiguous_column", "Cluster")


class TestSize:
    def test_a_sheet_that_declares_a_million_rows_is_read_in_seconds(self, path):
        export = declaring_a_million_rows(whole(path))
        began = time.monotonic()
        assert list(vms(read(export))) == ["vm1"]
        assert time.monotonic() - began < 5

    def test_thousands_of_blank_rows_hide_no_later_row(self, path):
        export = workbook(path, vInfo=[{"VM": "first"}])
        blank = b"".join(b'<row r="%d" ht="15" customHeight="1"><c r="A%d"/></row>' % (n, n) for n in range(3, 30_000))
        last = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>last</t></is></c><c r="B1048576" t="e"/></row>'
        assert list(vms(read(with_rows_appended(export, blank + last)))) == ["first", "last"]

    def test_a_million_findings_of_a_kind_are_counted_and_a_thousand_told(self, path):
        export = workbook(path, vInfo=[{"VM": f"vm{n}", "CPUs": "x"} for n in range(1500)])
        told = [finding for finding in findings(read(export)) if finding.code == "bad_number"]
        assert len(told) == 1001
        assert told[-1].message.startswith("500 more findings")


class TestCellsThatAreWrong:
    @pytest.mark.parametrize(
        ("column", "value", "code"),
        [
            ("CPUs", "four", "bad_number"),
            ("CPUs", 0, "bad_number"),
            ("CPUs", 1.5, "bad_number"),
            ("Memory", -4096, "negative_number"),
            ("Memory", "1.2.3", "bad_number"),
            ("Memory", 10**12, "bad_number"),
            ("Creation date", "2024/02/31", "bad_date"),
            ("Creation date", "31.02.2024 10:00:00", "bad_date"),
            ("Creation date", "02/30/2024 1:00:00 PM", "bad_date"),
            ("Creation date", "yesterday", "bad_date"),
            ("Template", "perhaps", "bad_boolean"),
            ("Powerstate", "on fire", "bad_value"),
            ("Firmware", "coreboot", "bad_value"),
            ("SMBIOS UUID", "not-a-uuid", "bad_uuid"),
            ("Annotation", "#N/A", "error_value"),
            ("CPUs", "=1+1", "formula"),
        ],
    )
    def test_a_wrong_cell_is_found_by_sheet_row_and_column_and_costs_nothing_else(self, path, column, value, code):
        batches = read(whole(path, 1, 2, **{column: value}))
        found = only(batches)
        assert (found.code, found.sheet, found.row, found.column) == (code, "vInfo", 2, column)
        assert (found.severity, found.vm_name) == ("warning", None)
        assert list(vms(batches)) == ["vm1", "vm2"]

    def test_what_is_wrong_counts_as_unknown(self, path):
        found = vms(read(whole(path, CPUs="four", Memory=-1, Template="perhaps")))["vm1"]
        assert (found.cpu_count, found.memory_mb, found.is_template) == (None, None, None)

    @pytest.mark.parametrize(
        "day",
        [
            "2024/02/29 10:00:00",
            "02/29/2024 1:00:00 PM",
            "29.02.2024",
            "29/02/2024 9:59",
            "2024-02-29T10:00:00Z",
            45351,
        ],
    )
    def test_dates_in_any_of_three_orders_are_dates(self, path, day):
        assert codes(read(whole(path, **{"Creation date": day}))) == []

    @pytest.mark.parametrize(
        ("written", "mebibytes"),
        [
            ("1,024", 1024),
            ("1.024", 1024),
            ("1 024", 1024),
            ("1\u00a0024", 1024),
            ("1'048'576", 1048576),
            ("1.048.576,00", 1048576),
            ("40960", 40960),
            ("0.5", 0.5),
            (1024.25, 1024.25),
        ],
    )
    def test_capacities_as_text_with_thousands_separators_are_numbers(self, path, written, mebibytes):
        export = workbook(path, vInfo=[vm(1)], vDisk=[disk(1, **{"Capacity MiB": written})], vNetwork=[nic(1)])
        assert vms(read(export))["vm1"].disks[0].capacity_bytes == mebibytes * 1024**2

    @pytest.mark.parametrize(("capacity", "code"), [(-5, "negative_number"), ("big", "bad_number"), (0, "bad_number")])
    def test_a_disk_with_a_wrong_capacity_is_kept_with_an_unknown_one(self, path, capacity, code):
        export = workbook(path, vInfo=[vm(1)], vDisk=[disk(1, **{"Capacity MiB": capacity})], vNetwork=[nic(1)])
        batches = read(export)
        assert vms(batches)["vm1"].disks[0].capacity_bytes is None
        assert (only(batches).code, only(batches).sheet, only(batches).row) == (code, "vDisk", 2)
        assert only(batches).column == "Capacity MiB"

    def test_rows_are_numbered_as_excel_shows_them(self, path):
        export = whole(path)
        book = openpyxl.load_workbook(export)
        sheet = book["vInfo"]
        sheet.insert_rows(2, amount=7)
        sheet["F9"] = "four"
        book.save(export)
        assert (only(read(export)).row, only(read(export)).column) == (9, "CPUs")

    def test_booleans_numbers_and_dates_may_be_cells_of_their_kind_or_text(self, path):
        export = whole(path, Template=True, CPUs="2", VM=12345, **{"Creation date": datetime.datetime(2024, 2, 29)})
        batches = read(export)
        assert codes(batches) == []
        assert (vms(batches)["12345"].is_template, vms(batches)["12345"].cpu_count) == (True, 2)

    def test_a_name_that_excel_turned_into_a_date_is_not_a_name(self, path):
        batches = read(whole(path, 1, 2, VM=datetime.datetime(2024, 3, 1)))
        assert list(vms(batches)) == ["vm2"]
        assert (only(batches).code, only(batches).vm_name, only(batches).moref) == ("missing_name", None, "vm-1")

    def test_a_text_that_begins_with_an_equals_sign_is_text(self, path):
        export = edited(
            with_shared_strings(workbook(path, vInfo=[{"VM": "web", "Annotation": "MARK do not touch"}])),
            "xl/sharedStrings.xml",
            lambda xml: xml.replace(b"MARK", b"===_x000D_"),
        )
        assert vms(read(export))["web"].annotation == "===\r do not touch"


class TestWhatCannotBeTakenAsAWhole:
    def test_a_vm_with_fewer_disks_than_vinfo_counts_is_left_out(self, path):
        export = workbook(path, vInfo=[vm(1, Disks=3), vm(2)], vDisk=[disk(1), disk(2)], vNetwork=[nic(1), nic(2)])
        batches = read(export)
        assert list(vms(batches)) == ["vm2"]
        found = only(batches)
        assert (found.code, found.vm_name, found.severity) == ("disk_count_conflict", "vm1", "error")
        assert (found.moref, found.instance_uuid) == ("vm-1", uuid(0x500001))
        assert "3" in found.message
        assert "holds 1" in found.message

    @pytest.mark.parametrize(
        ("second", "code", "column"),
        [
            (disk(1), "duplicate_disk", "Disk Key"),
            (disk(1, **{"Disk Key": "first"}), "bad_disk_key", "Disk Key"),
            (disk(1, **{"Disk Key": None}), "bad_disk_key", "Disk Key"),
            (disk(1, **{"VM ID": None}), "unclear_disk", None),
            (disk(1, **{"VM ID": "#REF!"}), "unclear_disk", None),
        ],
    )
    def test_a_vm_with_a_disk_that_cannot_be_told_apart_is_left_out(self, path, second, code, column):
        export = workbook(
            path, vInfo=[vm(1, Disks=2), vm(2)], vDisk=[disk(1), second, disk(2)], vNetwork=[nic(1), nic(2)]
        )
        batches = read(export)
        assert list(vms(batches)) == ["vm2"]
        found = only(batches)
        assert (found.code, found.vm_name, found.sheet, found.row, found.column) == (code, "vm1", "vDisk", 3, column)
        assert (found.moref, found.instance_uuid) == ("vm-1", uuid(0x500001))

    def test_a_disk_is_never_joined_by_name_where_vm_ids_exist(self, path):
        moved = disk(1, **{"VM ID": "vm-99"})
        batches = read(workbook(path, vInfo=[vm(1, Disks=None)], vDisk=[moved], vNetwork=[nic(1)]))
        assert vms(batches)["vm1"].disks is None
        assert codes(batches) == ["orphan_disk", "disks_unknown"]
        assert (findings(batches)[0].row, findings(batches)[0].vm_name) == (2, None)

    def test_a_disk_of_another_vcenter_is_an_orphan(self, path):
        stray = disk(1, 2001, **{"VI SDK UUID": uuid(9), "VI SDK Server": "vc9.example"})
        batches = read(workbook(path, vInfo=[vm(1)], vDisk=[disk(1), stray], vNetwork=[nic(1)]))
        assert len(vms(batches)["vm1"].disks) == 1
        assert codes(batches) == ["orphan_disk"]

    def test_an_interface_of_no_vm_is_an_orphan(self, path):
        batches = read(workbook(path, vInfo=[vm(1)], vDisk=[disk(1)], vNetwork=[nic(1), nic(5)]))
        assert (only(batches).code, only(batches).sheet, only(batches).row) == ("orphan_interface", "vNetwork", 3)
        assert len(vms(batches)["vm1"].interfaces) == 1

    def test_vms_with_one_vm_id_are_all_left_out(self, path):
        export = workbook(
            path,
            vInfo=[vm(1), vm(1, VM="copy"), vm(2)],
            vDisk=[disk(1), disk(2)],
            vNetwork=[nic(1), nic(2)],
        )
        batches = read(export)
        assert list(vms(batches)) == ["vm2"]
        assert [(found.code, found.vm_name, found.row) for found in findings(batches)] == [
            ("duplicate_vm", "vm1", 2),
            ("duplicate_vm", "copy", 3),
        ]
        assert [(found.moref, found.instance_uuid) for found in findings(batches)] == [("vm-1", uuid(0x500001))] * 2

    def test_vms_known_by_one_name_only_are_a_conflict(self, path):
        batches = read(workbook(path, vInfo=[{"VM": "web"}, {"VM": "web"}, {"VM": "Web"}]))
        assert list(vms(batches)) == ["Web"]
        conflicts = [found for found in findings(batches) if found.vm_name]
        assert [(found.code, found.row) for found in conflicts] == [("name_conflict", 2), ("name_conflict", 3)]

    def test_one_smbios_uuid_may_belong_to_several_vms_but_an_instance_uuid_may_not(self, path):
        export = workbook(
            path,
            vInfo=[vm(1), vm(2, **{"SMBIOS UUID": uuid(1), "VM UUID": uuid(0x500001)})],
            vDisk=[disk(1), disk(2)],
            vNetwork=[nic(1), nic(2)],
        )
        batches = read(export)
        assert [(vm.instance_uuid, vm.bios_uuid) for vm in vms(batches).values()] == [(None, uuid(1))] * 2
        assert codes(batches) == ["shared_uuid", "shared_uuid"]

    def test_a_row_without_a_name_is_left_out_and_its_disks_are_no_orphans(self, path):
        batches = read(whole(path, 1, 2, VM=None))
        assert list(vms(batches)) == ["vm2"]
        found = only(batches)
        assert (found.code, found.vm_name, found.row, found.severity) == ("missing_name", None, 2, "error")
        assert (found.moref, found.instance_uuid) == ("vm-1", uuid(0x500001))

    def test_what_no_database_can_hold_is_told_without_it(self, path):
        export = workbook(path, vInfo=[{"VM": "we_x0000_b", "VM ID": "vm-1", "A": 1}, {"VM": "db", "CPUs_xD800_": 1}])
        batches = read(export)
        assert list(vms(batches)) == ["db"]
        found = next(found for found in findings(batches) if found.leaves_out_a_vm)
        assert (found.code, found.vm_name, found.moref) == ("missing_name", None, "vm-1")

    def test_a_header_that_no_database_can_hold_is_told_without_it(self, path):
        batches = read(workbook(path, vInfo=[{"VM": "web", "CPUs_x0000_": "four", "VM ID": "vm-1_x0000_"}]))
        told = {found.code: found for found in findings(batches)}
        assert told["bad_number"].column == "CPUs\ufffd"
        assert not any("\x00" in (found.message + (found.column or "")) for found in told.values())


class TestInterfaces:
    def network(self, path: Path, *rows: dict[str, Any], count: int | None = None) -> list[Batch]:
        return read(workbook(path, vInfo=[vm(1, NICs=count or len(rows))], vDisk=[disk(1)], vNetwork=rows))

    def test_an_interface_whose_network_has_no_name_is_kept(self, path):
        (found,) = vms(self.network(path, nic(1, Network="  ")))["vm1"].interfaces
        assert (found.network, found.nic_key) == (None, "mac:00:50:56:00:01:00")

    @pytest.mark.parametrize("mac", [None, "00:00:00:00:00:00"])
    def test_an_interface_without_a_mac_address_is_known_by_its_label(self, path, mac):
        (found,) = vms(self.network(path, nic(1, **{"Mac Address": mac})))["vm1"].interfaces
        assert (found.nic_key, found.mac_address) == ("label:Network adapter 1", None)

    def test_a_mac_address_is_written_in_one_way(self, path):
        (found,) = vms(self.network(path, nic(1, **{"Mac Address": "0050.56AB.CDEF"})))["vm1"].interfaces
        assert found.mac_address == "00:50:56:ab:cd:ef"

    def test_a_wrong_mac_address_is_found_and_the_label_taken(self, path):
        batches = self.network(path, nic(1, **{"Mac Address": "00:50"}))
        assert vms(batches)["vm1"].interfaces[0].nic_key == "label:Network adapter 1"
        assert (only(batches).code, only(batches).column) == ("bad_mac", "Mac Address")

    @pytest.mark.parametrize(
        ("second", "code"),
        [
            (nic(1), "duplicate_interface"),
            (nic(1, 1, **{"Mac Address": None, "NIC label": None}), "interface_without_key"),
            (nic(1, 1, **{"VM ID": None}), "unclear_interface"),
        ],
    )
    def test_interfaces_that_cannot_be_told_apart_are_unknown_and_the_vm_stays(self, path, second, code):
        batches = self.network(path, nic(1), second)
        assert vms(batches)["vm1"].interfaces is None
        assert len(vms(batches)["vm1"].disks) == 1
        assert (only(batches).code, only(batches).severity, only(batches).vm_name) == (code, "warning", None)
        assert only(batches).row == 3

    def test_fewer_interfaces_than_vinfo_counts_are_unknown(self, path):
        batches = self.network(path, nic(1), count=2)
        assert vms(batches)["vm1"].interfaces is None
        assert only(batches).code == "interface_count_conflict"
        assert "counts 2" in only(batches).message
        assert "holds 1" in only(batches).message


class TestHosts:
    def test_a_host_without_a_moref_is_known_by_name(self, path):
        export = workbook(
            path, vInfo=[vm(1)], vDisk=[disk(1)], vNetwork=[nic(1)], vHost=[host(**{"Object ID": ABSENT})]
        )
        (batch,) = read(export)
        assert batch.hosts[0].moref is None
        assert batch.vms[0].host == "esx1.example"

    def test_a_host_that_occurs_twice_is_left_out(self, path):
        export = workbook(path, vInfo=[vm(1)], vDisk=[disk(1)], vNetwork=[nic(1)], vHost=[host(), host(), host("esx2")])
        (batch,) = read(export)
        assert [host.name for host in batch.hosts] == ["esx2"]
        assert codes([batch]) == ["duplicate_host"]


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
    @pytest.mark.parametrize("delimiter", [",", ";"])
    def test_a_folder_is_read_in_any_encoding_and_with_comma_or_semicolon(self, tmp_path, encoding, delimiter):
        files = {
            "RVTools_tabvInfo.csv": [vm(1, Annotation='Zürich, "Büro"; 2\nline 2'), vm(2, Memory="8,192")],
            "tabvdisk.CSV": [disk(1), disk(2)],
            "vNetwork.csv": [nic(1), nic(2)],
            "RVTOOLS_TABVHOST.csv": [host()],
        }
        batches = read(csv_folder(tmp_path / "csv", files, delimiter=delimiter, encoding=encoding))
        assert codes(batches) == []
        assert vms(batches)["vm1"].annotation == 'Zürich, "Büro"; 2\nline 2'
        assert (vms(batches)["vm2"].memory_mb, len(vms(batches)["vm2"].disks)) == (8192, 1)
        assert vms(batches)["vm1"].host == "host-1"

    def test_a_row_with_a_comma_that_was_not_quoted_is_left_out(self, tmp_path):
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1), vm(2)], "vDisk.csv": [disk(1), disk(2)]})
        info = folder / "vInfo.csv"
        info.write_text(info.read_text().replace("vm1,", "vm1,extra,", 1))
        batches = read(folder)
        assert list(vms(batches)) == ["vm2"]
        assert len(batches) == 1
        found = next(found for found in findings(batches) if found.vm_name)
        assert (found.code, found.row, found.vm_name) == ("shifted_row", 2, "vm1")
        assert (found.moref, found.instance_uuid) == ("vm-1", None)

    def spoilt(self, tmp_path: Path, old: str, new: str, **changes: Any) -> list[Batch]:
        """Three VMs, of which the second has notes in two lines, after a change to the text of vInfo."""
        rows = [vm(1), vm(2, **{"Annotation": "a\nb", **changes}), vm(3, Annotation="x, y"), vm(4)]
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": rows})
        info = folder / "vInfo.csv"
        assert old in info.read_text()
        info.write_text(info.read_text().replace(old, new, 1))
        return read(folder)

    @pytest.mark.parametrize(
        ("old", "new", "taken"),
        [
            ("vm2,poweredOn", '"vm2,poweredOn', "vm1 vm3 vm4"),
            ("vm2,poweredOn", 'vm2,"poweredOn', "vm1 vm3 vm4"),
            ("vm3,poweredOn", '"vm3,poweredOn', "vm1 vm2 vm4"),
            ("vm4,poweredOn", '"vm4,poweredOn', "vm1 vm2 vm3"),
            ('"x, y"', 'x, y"', "vm1 vm2 vm4"),
            ('"x, y"', '"x, y', "vm1 vm2 vm4"),
            ('"x, y"', '"x", y', "vm1 vm2 vm4"),
            ("vm3,poweredOn", 'v"m3,powered"On', 'vm1 vm2 v"m3 vm4'),
            ('"x, y"', '"x, "y" z"', "vm1 vm2 vm3 vm4"),
            ("VM,Powerstate", 'VM,"Powerstate', "vm1 vm2 vm3 vm4"),
            ("VM,Powerstate", '"VM,Powerstate', "vm1 vm2 vm3 vm4"),
        ],
    )
    def test_a_wrong_quotation_mark_costs_its_own_row_at_the_most(self, tmp_path, old, new, taken):
        batches = self.spoilt(tmp_path, old, new)
        assert list(vms(batches)) == taken.split()
        assert {vm.datacenter for vm in vms(batches).values()} == {"DC1"}
        everybody = {"vm-1", "vm-2", "vm-3", "vm-4"}
        left_out = {found.moref for found in findings(batches) if found.code == "shifted_row"} - {None}
        assert left_out | {vm.moref for vm in vms(batches).values()} == everybody

    def test_what_follows_a_line_with_a_wrong_quotation_mark_is_no_vm_until_a_row_is_whole(self, tmp_path):
        batches = self.spoilt(tmp_path, '"a\nb"', '"a\nb "c" d"')
        assert list(vms(batches)) == ["vm1", "vm3", "vm4"]
        told = [(found.vm_name, found.moref, found.row) for found in findings(batches) if found.code == "shifted_row"]
        assert told == [("vm2", None, 3), ('b "c" d', "vm-2", 4)]

    def test_a_quotation_mark_that_is_never_closed_in_a_large_file(self, tmp_path):
        rows = [vm(n) for n in range(20_000)]
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": rows})
        info = folder / "vInfo.csv"
        info.write_text(info.read_text().replace("vm7,", '"vm7,', 1))
        batches = read(folder)
        assert len(vms(batches)) == 19_999
        assert [found.moref for found in findings(batches) if found.code == "shifted_row"] == ["vm-7"]

    def test_a_cell_may_be_longer_than_python_reads_by_itself(self, tmp_path):
        notes = "n" * 200_000
        batches = read(csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1, Annotation=f"{notes},"), vm(2)]}))
        assert vms(batches)["vm1"].annotation == f"{notes},"

    def test_a_line_without_end_is_not_kept(self, tmp_path):
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1), vm(2, Annotation="HERE"), vm(3)]})
        info = folder / "vInfo.csv"
        info.write_text(info.read_text().replace("HERE", "n" * 60_000_000))
        tracemalloc.start()
        batches = read(folder)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert list(vms(batches)) == ["vm1", "vm3"]
        assert [found.vm_name for found in findings(batches) if found.code == "shifted_row"] == ["vm2"]
        assert most < 30_000_000

    def test_a_shifted_disk_leaves_out_the_vm_of_that_name(self, tmp_path):
        folder = csv_folder(
            tmp_path / "csv", {"vInfo.csv": [vm(1, Disks=None), vm(2)], "vDisk.csv": [disk(1), disk(1, 2001), disk(2)]}
        )
        info = folder / "vDisk.csv"
        info.write_text(info.read_text().replace("Hard disk 2", "Hard,disk 2", 1))
        batches = read(folder)
        assert list(vms(batches)) == ["vm2"]
        assert [found.vm_name for found in findings(batches) if found.code == "unclear_disk"] == ["vm1"]

    def test_a_shifted_disk_leaves_out_the_vm_of_that_vm_id(self, tmp_path):
        rows = [disk(1), disk(1, 2001), disk(2)]
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1, Disks=None), vm(2)], "vDisk.csv": rows})
        sheet = folder / "vDisk.csv"
        sheet.write_text(sheet.read_text().replace("vm1,Hard disk 2", "v,m1,Hard disk 2", 1))
        batches = read(folder)
        assert list(vms(batches)) == ["vm2"]
        assert [found.moref for found in findings(batches) if found.code == "unclear_disk"] == ["vm-1"]

    def test_rows_are_numbered_as_excel_shows_them(self, tmp_path):
        rows = [vm(1, Annotation="two\nlines"), {}, vm(2, CPUs="x")]
        batches = read(csv_folder(tmp_path / "csv", {"vInfo.csv": rows}))
        assert [found.row for found in findings(batches) if found.code == "bad_number"] == [4]

    def test_an_error_value_of_a_spreadsheet_is_not_a_value(self, tmp_path):
        batches = read(csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1, Cluster="#N/A")]}))
        assert vms(batches)["vm1"].cluster is None
        assert "error_value" in codes(batches)


class TestWhatCannotBeRead:
    def fails(self, path: str | Path) -> tuple[str, str]:
        with pytest.raises(SourceError) as caught:
            read(path)
        return caught.value.code, str(caught.value)

    def test_a_path_where_nothing_is(self, tmp_path):
        assert self.fails(tmp_path / "nothing.xlsx")[0] == "not_found"

    def test_no_path_is_not_the_folder_that_the_process_is_in(self, tmp_path, monkeypatch):
        monkeypatch.chdir(csv_folder(tmp_path, {"vInfo.csv": [vm(1)]}))
        with pytest.raises(SourceError, match="No path") as caught:
            read("")
        assert caught.value.code == "not_found"
        assert list(vms(read("."))) == ["vm1"]

    @pytest.mark.parametrize(
        ("odd", "code"),
        [
            (".", "missing_sheet"),
            ("x" * 300, "not_readable"),
            ("a\x00b", "not_found"),
            ("a\udcff.xlsx", "not_found"),
            ("\ud800", "not_found"),
        ],
    )
    def test_a_path_that_is_none(self, tmp_path, monkeypatch, odd, code):
        monkeypatch.chdir(tmp_path)
        assert self.fails(odd)[0] == code

    def test_a_file_whose_name_is_no_text_is_read(self, tmp_path):
        assert list(vms(read(whole(tmp_path / "a\udcff.xlsx")))) == ["vm1"]

    def test_a_damaged_file_whose_name_is_no_text_is_told_in_text(self, tmp_path):
        (tmp_path / "a\udcff.xlsx").touch()
        code, message = self.fails(tmp_path / "a\udcff.xlsx")
        assert (code, "a\ufffd.xlsx" in message) == ("not_a_workbook", True)

    @pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
    def test_a_folder_that_may_not_be_read(self, tmp_path, monkeypatch, error):
        def refuse(self):
            raise error

        monkeypatch.setattr(Path, "iterdir", refuse)
        assert self.fails(tmp_path)[0] == "not_readable"

    def test_a_pipe_is_no_sheet_and_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "vInfo.csv")
        assert self.fails(tmp_path)[0] == "missing_sheet"

    def test_a_text_file(self, path):
        path.write_text("VM,CPUs\nweb,2\n")
        assert self.fails(path)[0] == "not_a_workbook"

    def test_an_empty_file(self, path):
        path.touch()
        assert self.fails(path)[0] == "not_a_workbook"

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
    def test_a_workbook_that_is_cut_off(self, path, kept):
        content = whole(path).read_bytes()
        path.write_bytes(content[: int(len(content) * kept)])
        assert self.fails(path)[0] == "not_a_workbook"

    def test_a_workbook_whose_sheet_is_cut_off(self, path):
        edited(whole(path), "xl/worksheets/sheet1.xml", lambda xml: xml[: len(xml) // 2])
        code, message = self.fails(path)
        assert code == "not_a_workbook"
        assert "vInfo" in message

    def test_a_workbook_with_a_broken_checksum(self, path):
        content = bytearray(whole(path).read_bytes())
        start = content.index(b"xl/worksheets/sheet1.xml") + 60
        content[start : start + 40] = b"\0" * 40
        path.write_bytes(content)
        assert self.fails(path)[0] == "not_a_workbook"

    def test_a_zip_that_is_no_workbook(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("holiday.jpg", b"x")
        assert self.fails(path)[0] == "not_a_workbook"

    def test_an_old_or_encrypted_workbook_says_how_to_save_it(self, path):
        path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 2000)
        code, message = self.fails(path)
        assert code == "not_a_workbook"
        assert "password" in message

    def test_a_zip_bomb_is_refused_before_it_is_unpacked(self, path):
        bomb = b" " * (17 * 1024**2)
        edited(whole(path), "xl/workbook.xml", lambda xml: xml + bomb)
        began = time.monotonic()
        code, message = self.fails(path)
        assert code == "not_a_workbook"
        assert "unpacks to more" in message
        assert time.monotonic() - began < 5

    def test_a_sheet_that_declares_more_than_a_gibibyte_is_refused(self, path):
        content = bytearray(whole(path).read_bytes())
        entry = content.rindex(b"xl/worksheets/sheet1.xml") - 46
        content[entry + 24 : entry + 28] = (2 * 1024**3).to_bytes(4, "little")
        path.write_bytes(content)
        assert "unpacks to more" in self.fails(path)[1]

    @pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
    def test_entities_are_refused_wherever_they_are_declared(self, path, part):
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
        edited(
            with_shared_strings(whole(path)),
            part,
            lambda xml: re.sub(rb"(<\?xml[^>]*\?>)?", lambda m: m[0] + bomb, xml, count=1),
        )
        code, message = self.fails(path)
        assert code == "not_a_workbook"
        assert "document type" in message

    def test_a_cell_that_holds_more_than_excel_can_write(self, path):
        export = workbook(path, vInfo=[{"VM": "web"}])
        huge = b'<row r="3"><c r="A3" t="inlineStr"><is><t>' + b"x" * 2_000_000 + b"</t></is></c></row>"
        assert "longer than Excel" in self.fails(with_rows_appended(export, huge))[1]

    def test_a_workbook_without_vinfo(self, path):
        assert self.fails(workbook(path, vDisk=[disk(1)]))[0] == "missing_sheet"

    def test_a_folder_without_vinfo(self, tmp_path):
        assert self.fails(tmp_path)[0] == "missing_sheet"

    def test_a_vinfo_without_the_column_vm(self, path):
        assert self.fails(workbook(path, vInfo=[{"Name of the machine": "web"}]))[0] == "missing_column"

    def test_a_vinfo_without_rows(self, path):
        assert self.fails(workbook(path, vInfo=[{"VM": None, "CPUs": None}]))[0] == "empty"

    def test_two_sheets_of_one_name(self, path):
        assert self.fails(workbook(path, vInfo=[vm(1)], tabvInfo=[vm(2)]))[0] == "ambiguous_sheet"

    def test_two_files_for_one_sheet(self, tmp_path):
        folder = csv_folder(tmp_path / "csv", {"vInfo.csv": [vm(1)], "RVTools_tabvInfo.csv": [vm(2)]})
        assert self.fails(folder)[0] == "ambiguous_sheet"

    def test_a_csv_file_in_an_encoding_that_cannot_be_told(self, tmp_path):
        (tmp_path / "vInfo.csv").write_bytes(b"VM\n\x81\x8d\xff\n")
        assert self.fails(tmp_path)[0] == "bad_encoding"
