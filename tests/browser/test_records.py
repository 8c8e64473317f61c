"""What staff do at the records: mend a VM that is not ready, test it and read the evidence, import a workbook."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from config.demo.engine import Engine
from config.demo.factories import (
    ProtectionFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
    VcenterFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from inventory.models import VMContext
from tests.browser.conftest import Visit
from tests.checkout import ROOT
from tests.config.api.client import hub_of
from tests.inventory.sources.workbooks import disk, nic, vm, workbook

pytestmark = pytest.mark.every_engine
RULES = {"runOnly": ["wcag2a", "wcag2aa"], "preload": False}  # a preload asks the hub for addresses that no page has
GRAVE = ("serious", "critical")
LOOKS = [(1440, 900, "light"), (1440, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]


@pytest.fixture
def shop() -> VMContext:
    """A VM that is protected, was never copied, and whose network leads nowhere."""
    vcenter = VcenterFactory.create(name="vc-shop")
    shop = VMContextFactory.create(
        vcenter=vcenter, name="shop-db", cpu_count=2, memory_mb=4096, os_type="debian12_64Guest", host=None
    )
    target = ProtectionFactory.create(vm_context=shop, rpo_seconds=3600).target
    for key in (2000, 2001):
        made = VMDiskFactory.create(vm_context=shop, device_key=key, capacity_bytes=1000)
        TargetVolumeFactory.create(vm_disk=made, target=target, status="attached")
    VMNetworkInterfaceFactory.create(vm_context=shop, source_network_name="Shop LAN", label="Network adapter 1")
    TargetNetworkFactory.create(target=target, isolation="isolated", name="shop-lab")
    return shop


def look(visit: Visit, name: str) -> None:
    """The page fits, wide and narrow, light and dark; its pictures are kept where somebody wants to look."""
    for width, height, scheme in LOOKS:
        visit.page.set_viewport_size({"width": width, "height": height})
        visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        wide = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px wider than {width}"
        if width == LOOKS[0][0]:
            found = Axe().run(visit.page, "#content", options=RULES).response["violations"]
            grave = [
                (each["id"], [node["target"] for node in each["nodes"]][:3])
                for each in found
                if each["impact"] in GRAVE
            ]
            assert grave == [], f"{name} {scheme}"
        if folder := os.environ.get("PICTURES_OF_RECORDS"):
            visit.page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    visit.page.set_viewport_size({"width": 1440, "height": 900})
    visit.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    if os.environ.get("UPDATE_PICTURES"):
        visit.page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")


def act(visit: Visit, button: str, reason: str) -> None:
    """Press a button of a record's page, and confirm it with a reason."""
    visit.page.get_by_role("link", name=f"{button} …").click()
    visit.page.get_by_label("Why").fill(reason)
    visit.page.get_by_role("button", name=button).click()


def test_staff_find_why_a_vm_is_not_ready_map_its_network_test_it_and_read_the_evidence(
    visit: Visit, shop: VMContext, settings: Any
) -> None:
    settings.EVIDENCE_KEYS = ["a key of the tests, which is long enough to be one"]
    engine = Engine(hub_of(shop.vcenter.organization, "read", "engine", name="engine"))
    page, address = visit.page, f"/admin/inventory/vmcontext/{shop.pk}/change/"
    visit.go(address)
    readiness = page.locator("#panel-readiness")
    expect(readiness).to_contain_text("NIC.UNMAPPED")
    look(visit, "vm-not-ready")

    act(visit, "Replicate", "first copy")
    expect(page.locator(".messagelist")).to_contain_text("Replication asked for")
    assert engine.do_next("replication")["status"] == "completed"  # type: ignore[index]

    visit.go(address)
    readiness.get_by_role("link", name="Map its networks").first.click()
    look(visit, "network-matrix")
    select = page.get_by_label("Shop LAN, test: lead it to")
    select.select_option(index=1)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator("#content")).to_contain_text("Sets 1 network mapping of VMs")
    look(visit, "network-matrix-confirm")
    page.get_by_label("Why").fill("so that it can be tested")
    page.get_by_role("button", name="Map them").click()
    expect(page.locator(".messagelist")).to_contain_text("1 network mapping set")

    visit.go(address)
    expect(page.locator("#panel-networks")).to_contain_text("shop-lab")
    expect(readiness.locator(".hub-ready")).to_have_count(1)
    page.get_by_role("link", name="Test failover …").click()
    look(visit, "test-failover-confirm")
    visit.go(address)
    act(visit, "Test failover", "monthly test")
    expect(page.locator(".messagelist")).to_contain_text("Test failover asked for")
    assert engine.do_next("failover")["status"] == "completed"  # type: ignore[index]
    page.reload()
    look(visit, "failover-job")
    act(visit, "Clean up", "it started and answered")
    assert engine.do_next("failover") is not None
    page.reload()
    page.get_by_role("link", name="What was done and found, sealed").click()
    expect(page.locator("#content")).to_contain_text("Test failover of shop-db: passed")
    expect(page.locator("#content")).to_contain_text("monthly test")
    look(visit, "evidence")
    visit.go(address)
    look(visit, "vm-tested")


def test_staff_upload_a_workbook_read_the_difference_and_apply_it(visit: Visit, settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    export = workbook(
        tmp_path / "RVTools_export.xlsx",
        vInfo=[vm(1), vm(2), vm(3, Memory="much")],
        vDisk=[disk(1), disk(2), disk(3)],
        vNetwork=[nic(1), nic(2), nic(3)],
    )
    page = visit.page
    visit.go("/admin/inventory/discoveryrun/")
    page.locator("#content-main").get_by_role("link", name="Import a workbook").click()
    look(visit, "upload")
    page.get_by_label("Workbook").set_input_files(export)
    page.get_by_role("button", name="Show the difference").click()
    expect(page.locator("#content")).to_contain_text("would be added")
    expect(page.locator("#content")).to_contain_text("vm1")
    assert not VMContext.objects.filter(name="vm1").exists()
    look(visit, "difference")
    page.get_by_role("button", name="Apply it").click()
    expect(page.locator(".messagelist")).to_contain_text("RVTools_export.xlsx is applied: 3 added.")
    assert VMContext.objects.filter(name__in=["vm1", "vm2", "vm3"]).count() == 3


def test_a_vm_of_the_estate_is_read_at_one_glance(visit: Visit) -> None:
    vms = VMContext.objects.filter(archived_at=None, backup_jobs__isnull=False, failover_jobs__isnull=False)
    vm = vms.order_by("name").first()
    assert vm is not None
    visit.go(f"/admin/inventory/vmcontext/{vm.pk}/change/")
    for part in ("glance", "rpo", "readiness", "networks", "disks", "points", "jobs"):
        expect(visit.page.locator(f"#panel-{part}")).to_be_visible()
    look(visit, "vm")
