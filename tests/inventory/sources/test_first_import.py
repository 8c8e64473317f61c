"""What the service stores of a first reading of each source."""

from pathlib import Path

import pytest

from inventory.models import Host, Organization, Vcenter, VMContext
from inventory.services.discovery import Report, discover
from inventory.sources.records import Source
from inventory.sources.rvtools import RvtoolsSource
from inventory.sources.vcenter import VcenterSource
from tests.vcsim.server import running_vcsim

from .workbooks import ABSENT, disk, host, nic, vm, workbook

pytestmark = pytest.mark.django_db


@pytest.fixture
def vcenter() -> Vcenter:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return Vcenter.objects.create(organization=organization, name="vc01", host="vc01.example.org")


def first_import(source: Source, vcenter: Vcenter) -> Report:
    return discover(source, source_name="test", find_vcenter=lambda origin: vcenter, by="tester")


def hosts_of_vms() -> set[tuple[str, str | None]]:
    return set(VMContext.objects.values_list("host__name", "host__moref"))


@pytest.mark.parametrize("moref", ["host-1", ABSENT])
def test_an_export_stores_each_host_once_and_its_vms_on_it(tmp_path: Path, vcenter: Vcenter, moref: object):
    path = workbook(
        tmp_path / "export.xlsx",
        vInfo=[vm(n, Host=name) for n, name in enumerate(["esx1.example", "ESX1.example", "esx1.example"])],
        vDisk=[disk(n) for n in range(3)],
        vNetwork=[nic(n) for n in range(3)],
        vHost=[host(**{"Object ID": moref})],
    )
    report = first_import(RvtoolsSource(path), vcenter)
    assert report.counts == {"added": 3}
    known = None if moref is ABSENT else "host-1"
    assert list(Host.objects.values_list("name", "moref")) == [("esx1.example", known)]
    assert hosts_of_vms() == {("esx1.example", known)}


def test_an_export_without_hosts_stores_those_that_its_vms_name(tmp_path: Path, vcenter: Vcenter):
    rows = [vm(n, Disks=0, NICs=0) for n in range(3)]
    first_import(RvtoolsSource(workbook(tmp_path / "export.xlsx", vInfo=rows)), vcenter)
    assert list(Host.objects.values_list("name", "moref")) == [("esx1.example", None)]
    assert hosts_of_vms() == {("esx1.example", None)}


def test_a_vcenter_stores_each_host_once_and_its_vms_on_it(vcenter: Vcenter):
    with running_vcsim(vms=6, hosts=2) as vcsim:
        reading = VcenterSource(
            vcsim.host, vcsim.username, vcsim.password, port=vcsim.port, tls="insecure", batch_size=2
        )
        report = first_import(reading, vcenter)
    assert report.counts == {"added": 6}
    stored = set(Host.objects.values_list("name", "moref"))
    assert len(stored) == Host.objects.count() == 2
    assert hosts_of_vms() <= stored
