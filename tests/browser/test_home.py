"""The home as staff read it in the morning: from a number to the VM behind it, and a view of it kept."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_admin import picture

pytestmark = pytest.mark.every_engine


def test_staff_go_from_a_blocking_code_to_its_vms_and_keep_that_view(visit: Visit) -> None:
    page = visit.go("/admin/")
    picture(visit, "home")
    row = page.get_by_role("row", name=re.compile("NIC.UNMAPPED"))
    vms = row.get_by_role("cell").last.inner_text()
    row.get_by_role("link", name="NIC.UNMAPPED").click()
    expect(page.locator(".paginator")).to_contain_text(f"{vms} VM contexts")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("No network")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="No network")).to_have_attribute("aria-current", "page")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "vm_replication_contexts.csv"
