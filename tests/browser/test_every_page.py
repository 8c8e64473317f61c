"""Every kind of page, light and dark, wide and narrow: readable by everybody, and nothing goes wrong on it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.admin import site
from django.urls import reverse
from playwright.sync_api import Page

from failover.models import FailoverJob
from inventory.models import VMContext
from tests.browser.conftest import Visit

WIDTHS = {1440: 810, 390: 844}
LOOKED_THROUGH = (("light", 1440), ("dark", 390))
"""Where axe-core looks: it is dear, and each scheme and each width is in one of these."""
GRAVE = ("serious", "critical")


def lists() -> Iterator[str]:
    for model in site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def pages_of_each_kind() -> Iterator[str]:
    """The home, a section, lists, records of those that people read most, and a form."""
    yield reverse("admin:index")
    yield reverse("admin:section", args=["estate"])
    yield reverse("admin:inventory_vmcontext_changelist") + "?power_state__exact=poweredOn"
    yield reverse("admin:replication_replicationjob_changelist")
    yield reverse("admin:jobs_jobevent_changelist")
    yield reverse("admin:schema_appliedmigration_changelist")
    for record in (VMContext.objects.filter(disks__isnull=False).first(), FailoverJob.objects.first()):
        assert record is not None
        yield reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    yield reverse("admin:replication_protection_add")


def grave_findings(page: Page) -> list[str]:
    # To load style sheets once more axe-core would write styles into the page, which the policy forbids.
    return grave(Axe().run(page, options={"preload": False}).response)


def grave(response: dict[str, Any]) -> list[str]:
    """What axe-core found that keeps somebody from reading or using a page."""
    return [
        f"{each['id']}: {node['html'][:160]} {node['any'][:1] and node['any'][0]['message'][:160]}"
        for each in response["violations"]
        if each["impact"] in GRAVE
        for node in each["nodes"][:3]
    ]


def too_wide(page: Page, address: str) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{address} is {width} px wider than the screen"] if width > 0 else []


def picture_of(page: Page, address: str, scheme: str, width: int) -> None:
    """Keeps what the page looks like where PICTURES_TO says, for a person to look at."""
    if folder := os.environ.get("PICTURES_TO"):
        name = address.strip("/").replace("/", "_").partition("?")[0][-60:] or "root"
        page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png", full_page=False)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_in_each_colour_scheme_and_width(visit: Visit, scheme: str, width: int) -> None:
    page, wrong = visit.page, []
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    for address in pages_of_each_kind():
        visit.go(address)
        picture_of(page, address, scheme, width)
        if (scheme, width) in LOOKED_THROUGH:
            wrong += [f"{address} {finding}" for finding in grave_findings(page)]
        wrong += too_wide(page, address)
    assert not wrong, "\n".join(wrong)


def test_no_list_is_wider_than_a_narrow_screen(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": WIDTHS[390]})
    assert [wrong for address in lists() for wrong in too_wide(visit.go(address), address)] == []


def test_the_home_is_read_and_its_menu_opened_without_javascript(visit: Visit) -> None:
    context = visit.page.context.browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})  # type: ignore[union-attr]
    context.add_cookies(visit.page.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{visit.address}/admin/")
    assert page.get_by_role("heading", name="Virtual machines").is_visible()
    page.get_by_role("link", name="Menu", exact=True).click()
    page.get_by_text("Copies", exact=True).click()
    page.get_by_role("link", name="Protections").click()
    assert (
        page.get_by_role("heading", name="Select protection to view")
        .or_(page.locator("#changelist"))
        .first.is_visible()
    )
    context.close()
