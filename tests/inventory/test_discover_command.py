"""`manage.py discover` as a person would run it: against a simulated vCenter, workbooks and saved answers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from inventory.models import DiscoveryOutcome, DiscoveryRun, Host, Organization, Vcenter, VMContext, VMDisk
from replication.models import ChangeId
from tests.inventory.sources import workbooks
from tests.vcsim.server import Vcsim, running_vcsim

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Acme", slug="acme", is_default=True)


@pytest.fixture
def vcenter(organization, simulator: Vcsim) -> Vcenter:
    return Vcenter.objects.create(
        organization=organization,
        name="vc01",
        host=simulator.host,
        port=simulator.port,
        username=simulator.username,
        password=simulator.password,
        tls_policy="pinned",
        thumbprint=simulator.thumbprint,
    )


@pytest.fixture
def simulator():
    with running_vcsim(vms=6, hosts=2) as server:
        yield server


@pytest.fixture
def discover(capsys):
    """Run the command; return its exit code, what it printed, and that as JSON where it is JSON."""

    def discover(*arguments: str):
        code = 0
        try:
            call_command("discover", *arguments)
        except SystemExit as stop:
            code = stop.code
        except CommandError as error:
            code = error.returncode
            print(error)
        return code, capsys.readouterr().out

    return discover


def test_an_estate_of_a_real_endpoint_is_discovered_and_then_unchanged(vcenter, discover):
    code, first = discover("--vcenter", "vc01")
    assert code == 0
    assert "6 added" in first
    assert VMContext.objects.filter(vcenter=vcenter, identity__startswith="uuid:").count() == 6
    assert Host.objects.filter(vcenter=vcenter).count() == 2
    assert VMDisk.objects.filter(capacity_bytes__gt=0).count() >= 6
    assert not VMContext.objects.filter(host=None).exists()

    code, second = discover("--vcenter", "vc01")
    assert (code, "6 unchanged" in second) == (0, True)
    assert DiscoveryOutcome.objects.filter(outcome="unchanged").count() == 6


def test_what_changes_at_the_source_changes_here(vcenter, simulator, discover):
    discover("--vcenter", "vc01")
    first, second, third = VMContext.objects.order_by("name")[:3]
    disk = third.disks.get()
    ChangeId.objects.create(
        vm_disk=disk,
        generation=1,
        change_id="52 3c ec 11/1",
        capacity_bytes=disk.capacity_bytes,
        sync_success=True,
        snapshot_at=datetime.now(UTC),
        committed_at=datetime.now(UTC),
        is_current=True,
    )
    assert ChangeId.objects.bases().count() == 1
    simulator.rename_vm(first.name, "renamed")
    simulator.add_disk(second.name, 2**30)
    simulator.grow_disk(third.name, disk.device_key, disk.capacity_bytes + 2**30)

    code, printed = discover("--vcenter", "vc01", "--dry-run")
    assert (code, "3 would be updated" in printed) == (0, True)
    assert "name " in printed
    assert "-> renamed" in printed
    code, printed = discover("--vcenter", "vc01")

    assert "3 updated, 3 unchanged" in printed
    first.refresh_from_db()
    assert first.name == "renamed"
    assert VMContext.objects.count() == 6
    assert second.disks.count() == 2
    assert not ChangeId.objects.bases().exists(), "a base of another capacity is no base"
    simulator.remove_disk(second.name, second.disks.order_by("device_key").last().device_key)
    discover("--vcenter", "vc01")
    assert second.disks.filter(removed_at__isnull=False).count() == 1


def test_json_has_one_outcome_per_vm_and_per_name_asked_for(vcenter, discover):
    discover("--vcenter", "vc01")
    name = VMContext.objects.first().name

    code, printed = discover("--vcenter", "vc01", "--vm", name, "--vm", "nobody", "--format", "json")

    report = json.loads(printed)
    assert code == 1
    assert report["success"] is False
    assert {each["name"]: each["outcome"] for each in report["outcomes"]} == {name: "unchanged", "nobody": "missing"}


def test_errors_say_what_to_do_next_and_leak_no_password(vcenter, simulator, discover):
    Vcenter.objects.update(tls_policy="verify")
    code, printed = discover("--vcenter", "vc01")
    assert code == 1
    assert "certificate" in printed

    Vcenter.objects.update(tls_policy="pinned")
    vcenter.password = "Wr0ng-and-secret"
    vcenter.save()
    code, printed = discover("--vcenter", "vc01", "--format", "json")
    assert code == 1
    assert '"wrong_password"' in printed
    assert "Wr0ng-and-secret" not in printed + str(list(DiscoveryRun.objects.values()))
    assert set(DiscoveryRun.objects.values_list("status", "error_code")) == {
        ("failed", "bad_certificate"),
        ("failed", "wrong_password"),
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--vcenter", "nobody"], "There is no vCenter nobody"),
        (["--vcenter", "vc01", "--organization", "none"], "There is no organisation none; known: acme"),
        (["--vcenter", "vc01", "--into", "x"], "--into is for files"),
    ],
)
def test_a_wrong_word_is_a_usage_error(vcenter, discover, arguments, sentence):
    code, printed = discover(*arguments)

    assert code == 2
    assert sentence in printed


def test_another_vcenter_behind_a_known_name_is_refused(vcenter, simulator, discover):
    discover("--vcenter", "vc01")
    Vcenter.objects.update(instance_uuid="dbed6e0c-bd88-4ef6-b594-21283e1c677f")

    code, printed = discover("--vcenter", "vc01")

    assert code == 1
    assert "is now another vCenter" in printed


def test_a_workbook_is_imported_with_what_is_weak_said_aloud(organization, discover, tmp_path):
    weak = {"VM ID": None, "VI SDK UUID": None, "VI SDK Server": None, "VM UUID": None, "SMBIOS UUID": None}
    rows = [workbooks.vm(number, **weak) for number in range(3)]
    for row in rows:
        for name in weak:
            row.pop(name, None)
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=rows)

    code, printed = discover("--rvtools", str(path))

    assert code == 0
    assert "3 added" in printed
    assert "by their name alone, which is weak" in printed
    assert "unknown, which is not the same as none" in printed
    assert set(VMContext.objects.values_list("identity", flat=True)) == {f"name:{row['VM']}" for row in rows}
    assert VMDisk.objects.count() == 0
    assert "3 unchanged" in discover("--rvtools", str(path))[1]


def test_a_workbook_that_names_its_vcenter_goes_to_that_one(organization, discover, tmp_path):
    rows = [workbooks.vm(number) for number in range(2)]
    path = workbooks.workbook(
        tmp_path / "export.xlsx",
        vInfo=rows,
        vDisk=[workbooks.disk(number) for number in range(2)],
        vNetwork=[workbooks.nic(number) for number in range(2)],
    )
    known = Vcenter.objects.create(organization=organization, name="known", instance_uuid=rows[0]["VI SDK UUID"])

    code, printed = discover("--rvtools", str(path))

    assert (code, "into known: 2 added" in printed) == (0, True)
    assert VMContext.objects.filter(vcenter=known).count() == 2
    assert Vcenter.objects.count() == 1


def test_into_names_the_vcenter_of_a_file(organization, discover, tmp_path):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(1)])

    discover("--rvtools", str(path), "--into", "branch office")

    assert VMContext.objects.get().vcenter.name == "branch office"


def test_a_file_of_another_vcenter_is_not_mixed_into_this_one(organization, discover, tmp_path):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(1)])
    uuid = "99999999-2222-3333-4444-555555555555"
    known = Vcenter.objects.create(organization=organization, name="prod", instance_uuid=uuid)

    code, printed = discover("--rvtools", str(path), "--into", "prod")
    assert (code, "another vCenter than the one known as prod" in printed) == (1, True)
    known.name, known.host = "elsewhere", "vc1.example"
    known.save()
    assert discover("--rvtools", str(path))[0] == 1
    assert not VMContext.objects.exists()

    known.host = None
    known.save()
    assert discover("--rvtools", str(path))[0] == 0
    code, printed = discover("--rvtools", str(path), "--into", "other")
    assert (code, "The file is of the vCenter known as vc1.example" in printed) == (1, True), printed


def test_a_file_tells_a_known_vcenter_its_uuid(organization, discover, tmp_path):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(1)])
    known = Vcenter.objects.create(organization=organization, name="prod")

    discover("--rvtools", str(path), "--into", "prod", "--dry-run")
    known.refresh_from_db()
    assert known.instance_uuid is None
    discover("--rvtools", str(path), "--into", "prod")
    known.refresh_from_db()
    assert known.instance_uuid == workbooks.VCENTER


@pytest.mark.parametrize("option", ["--vcenter", "--rvtools", "--vma", "--file"])
def test_an_empty_word_is_a_usage_error(organization, discover, option):
    code, printed = discover(option, "")

    assert (code, "is empty; say which one is meant" in printed) == (2, True)


@pytest.mark.parametrize(
    "words", [["--rvtools", "."], ["--rvtools", "/"], ["--rvtools", "x" * 300], ["--file", "a\udcff"]]
)
def test_an_odd_path_is_one_sentence(organization, discover, words):
    code, printed = discover(*words, "--format", "json")

    assert code == 1
    assert '"success": false' in printed


@pytest.mark.parametrize("words", [["--into", "x" * 200], ["--into", "bad\udcff"], ["--vm", "bad\udcff"]])
def test_an_odd_name_is_one_sentence(organization, discover, tmp_path, words):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(1)])

    code, printed = discover("--rvtools", str(path), *words)

    assert code in (1, 2)
    assert "Traceback" not in printed
    assert not VMContext.objects.exists()


def test_a_password_whose_key_is_lost_is_one_sentence(vcenter, discover, settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    code, printed = discover("--vcenter", "vc01")

    assert (code, "enter the secret again" in printed) == (1, True)


def test_a_dry_run_of_a_file_leaves_not_even_a_vcenter(organization, discover, tmp_path):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(1)])

    code, printed = discover("--rvtools", str(path), "--dry-run")

    assert (code, "1 would be added" in printed) == (0, True)
    assert not Vcenter.objects.exists()
    assert not DiscoveryRun.objects.exists()


@pytest.mark.parametrize("content", [b"", b"not a workbook", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_workbook_is_one_sentence(organization, discover, tmp_path, content):
    path = tmp_path / "export.xlsx"
    path.write_bytes(content)

    code, printed = discover("--rvtools", str(path))

    assert code == 1
    assert "export.xlsx" in printed
    assert "Traceback" not in printed


def test_bad_cells_are_findings_with_their_place_and_cost_nothing_else(organization, discover, tmp_path):
    rows = [workbooks.vm(number) for number in range(4)]
    rows[1]["Memory"] = "much"
    rows[2]["Creation date"] = "2025-02-31"
    path = workbooks.workbook(
        tmp_path / "export.xlsx",
        vInfo=rows,
        vDisk=[*(workbooks.disk(number) for number in range(4)), workbooks.disk(3), workbooks.disk(77)],
    )

    code, printed = discover("--rvtools", str(path), "--format", "json")

    report = json.loads(printed)
    assert code == 1
    assert report["counts"] == {"added": 3, "failed": 1}
    places = {(each.get("sheet"), each.get("row"), each.get("column")) for each in report["findings"]}
    assert ("vInfo", 3, "Memory") in places
    assert ("vInfo", 4, "Creation date") in places
    assert {"duplicate_disk", "orphan_disk"} <= {each["code"] for each in report["findings"]}
    stored = VMContext.objects.get(name=rows[1]["VM"])
    assert stored.memory_mb is None, "a number that cannot be read is unknown, not zero"


def test_a_saved_answer_of_an_appliance_is_imported_and_then_unchanged(organization, discover, tmp_path):
    answer = tmp_path / "answer.json"
    answer.write_text(
        json.dumps(
            {
                "vcenter": {"host": "vc02.example.org", "datacenter": "DC"},
                "vms": [
                    {
                        "id": "4205a841-0265-f4bd-39a6-39fd92196f53",
                        "name": "pgtest1",
                        "path": "/DC/vm/pgtest1",
                        "num_cpu": 2,
                        "memory_mb": 4096,
                        "power_state": "poweredOn",
                        "disks": [
                            {"id": "disk-2000", "capacity_bytes": 109521666048, "datastore": "ds"},
                            {"id": "disk-2001", "capacity_bytes": 5368709120, "datastore": "ds"},
                        ],
                        "networks": [{"name": "VM Network", "type": "vmxnet3", "mac_address": "00:50:56:00:00:01"}],
                    }
                ],
            }
        )
    )

    code, printed = discover("--file", str(answer))

    assert (code, "1 added" in printed) == (0, True), printed
    disks = VMDisk.objects.order_by("device_key")
    assert list(disks.values_list("disk_id", "size_gb", "job")) == [("disk-2000", 102, None), ("disk-2001", 5, None)]
    assert "1 unchanged" in discover("--file", str(answer))[1]


def test_a_request_to_an_appliance_that_is_no_json_is_a_usage_error(organization, discover, tmp_path):
    path = tmp_path / "request.json"
    path.write_text("password: secret")

    code, printed = discover("--vma", "http://127.0.0.1:9/", "--vma-request", str(path))

    assert code == 2
    assert "is no JSON object of texts" in printed
    assert "secret" not in printed


def test_a_sheet_that_declares_a_million_rows_costs_no_million(organization, discover, tmp_path):
    path = workbooks.workbook(tmp_path / "export.xlsx", vInfo=[workbooks.vm(number) for number in range(5)])
    path = workbooks.declaring_a_million_rows(Path(path))

    began = perf_counter()
    assert "5 added" in discover("--rvtools", str(path))[1]
    assert perf_counter() - began < 5
