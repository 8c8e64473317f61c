"""Every page that a link leads to: no error, no outside request, no wider than its screen, readable by everybody."""

from urllib.parse import urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.admin import site
from django.urls import resolve
from playwright.sync_api import Page

from tests.browser.conftest import Visit
from tests.browser.test_every_page import WIDTHS, grave, picture_of, too_wide

pytestmark = pytest.mark.every_engine
BEGIN = "/admin/"
OTHERS = {
    *("admin:second_factor", "admin:password_change", "admin:failover_networkmapping_matrix"),
    *("admin:inventory_discoveryrun_upload", "admin:schema_request_ask {'action': 'backup'}"),
}
"""What is no list and no record, and must be found all the same."""
DOWNLOADS = (".csv", ".xlsx")
AXE = {"runOnly": ["wcag2a", "wcag2aa"], "resultTypes": ["violations"], "preload": False}
ALWAYS_LOOKED_THROUGH = {"changelist", "change", "add"}
"""Of these shapes each page is, as no two have the same columns or fields; of all others the first."""
IN_COLOURS_SEEN = AXE | {"rules": {"color-contrast": {"enabled": False}}}
"""For the further pages of a shape: their colours are those of the first, and to compare them is most of the work."""
CONTRAST = AXE | {"runOnly": ["color-contrast"]}


def links_of(page: Page) -> list[str]:
    """The pages of the staff that this one leads to, without what narrows or orders them."""
    found = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
    paths = (urlsplit(urljoin(page.url, href)).path for href in found if not href.startswith("#"))
    return [path for path in dict.fromkeys(paths) if path.startswith("/admin/") and not path.endswith(DOWNLOADS)]


def kind_of(path: str) -> str:
    """Pages of one kind are alike: one record stands for all of its model, and each section is its own."""
    found = resolve(path)
    told = {name: value for name, value in found.kwargs.items() if name in ("name", "action")}
    return f"{found.view_name} {told or ''}".strip()


def shape_of(kind: str) -> str:
    """Pages of one shape have one template; what differs is what stands in it."""
    return kind.partition(" ")[0].rpartition("_")[2]


class Crawl:
    """One page of each kind, the nearest to the home first."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page
        self.waiting, self.kinds = [BEGIN], {kind_of(BEGIN)}
        self.shapes: set[str] = set()
        self.wrong: list[str] = []

    def go_on(self) -> None:
        path = self.waiting.pop(0)
        known = len(self.visit.faults)
        self.visit.go(path)
        self.follow()
        self.look(path)
        self.wrong += [f"{path} {fault}" for fault in self.visit.faults[known:]]

    def follow(self) -> None:
        for link in links_of(self.page):
            if (kind := kind_of(link)) not in self.kinds:
                self.kinds.add(kind)
                self.waiting.append(link)

    def look(self, path: str) -> None:
        """The first page of a shape is looked through as a whole and in the dark; of others what is their own."""
        shape = shape_of(kind_of(path))
        is_first = shape not in self.shapes
        self.shapes.add(shape)
        if is_first or shape in ALWAYS_LOOKED_THROUGH:
            self.find(path, AXE if is_first else IN_COLOURS_SEEN, whole=is_first)
        picture_of(self.page, path, "light", 1440)
        self.wrong += too_wide(self.page, path)
        self.page.emulate_media(color_scheme="dark")
        if is_first:
            self.find(f"{path} (dark)", CONTRAST, whole=True)
        self.page.set_viewport_size({"width": 390, "height": WIDTHS[390]})
        self.wrong += too_wide(self.page, f"{path} (390 px)")
        picture_of(self.page, path, "dark", 390)
        self.page.set_viewport_size({"width": 1440, "height": WIDTHS[1440]})
        self.page.emulate_media(color_scheme="light")

    def find(self, path: str, options: dict[str, object], *, whole: bool) -> None:
        where = None if whole else "#content"
        self.wrong += [f"{path} {each}" for each in grave(Axe().run(self.page, where, options=options).response)]


def test_every_page_that_a_link_leads_to_is_whole_and_readable(visit: Visit) -> None:
    visit.page.emulate_media(reduced_motion="reduce")  # colours that are on their way are no finding
    crawl = Crawl(visit)
    while crawl.waiting:
        crawl.go_on()
    assert not crawl.wrong, "\n".join(crawl.wrong)
    lists = {f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in site._registry}
    assert lists - crawl.kinds == set()
    assert OTHERS - crawl.kinds == set()
