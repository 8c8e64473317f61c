"""What the staff sees first: signing in, the VMs, one of them, and a form."""

import os
import re

import pytest
from playwright.sync_api import expect

from inventory.models import VMContext
from tests.browser.conftest import Visit
from tests.checkout import ROOT

pytestmark = pytest.mark.every_engine


def test_staff_sign_in_find_a_vm_with_its_disks_and_open_a_form(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#user-tools")).to_contain_text("visitor")
    vm = VMContext.objects.filter(disks__isnull=False, archived_at__isnull=True).order_by("name").first()
    assert vm is not None
    visit.go("/admin/inventory/vmcontext/")
    picture(visit, "admin")
    page.get_by_role("textbox", name=re.compile("search", re.IGNORECASE)).first.fill(vm.name)
    page.keyboard.press("Enter")
    page.locator("#result_list").get_by_role("link", name=vm.name, exact=True).first.click()
    expect(page.locator("#content")).to_contain_text(vm.context_id)
    for disk in vm.disks.all():
        expect(page.locator("#content")).to_contain_text(disk.disk_id)
    visit.go("/admin/inventory/vcenter/add/")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()


def picture(visit: Visit, name: str) -> None:
    """Renews a picture of the documents, where that is asked for (make docs)."""
    if os.environ.get("UPDATE_PICTURES"):
        visit.page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")
