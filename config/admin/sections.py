"""The sections of the staff pages: records by what people do with them, not by the app that holds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

SECTIONS = {
    "estate": "Estate",
    "copies": "Copies",
    "recovery": "Recovery",
    "back-ups": "Back-ups",
    "jobs": "Jobs",
    "schema": "Schema",
    "access": "Access",
}
OF_APP = {
    "inventory": "estate",
    "replication": "copies",
    "failover": "recovery",
    "backups": "back-ups",
    "jobs": "jobs",
    "schema": "schema",
}
"""Where the records of an app stand; those of any other app stand under access."""
OF_MODEL = {
    "inventory.operationclaim": "jobs",
    "inventory.user": "access",
    "inventory.organization": "access",
    "inventory.membership": "access",
    "inventory.apikey": "access",
    "replication.replicationjob": "jobs",
    "failover.failoverjob": "jobs",
    "backups.backupjob": "jobs",
    "backups.restorejob": "jobs",
}
FIRST = ("vmcontext", "protection", "recoveryplan", "backuprepository", "failoverjob", "appliedmigration", "user")
"""What a section begins with; the others follow by name."""


@dataclass(frozen=True)
class OwnPage:
    """A page that is no list of records, and the permission that opens it."""

    section: str
    name: str
    view: str
    permission: str


PAGES = (
    OwnPage("estate", "Import a workbook", "admin:inventory_discoveryrun_upload", "inventory.add_discoveryrun"),
    OwnPage("recovery", "Network matrix", "admin:failover_networkmapping_matrix", "failover.view_networkmapping"),
)


def pages_of(section: str, user: Any) -> list[dict[str, str]]:
    """The pages of a section beside its lists that this person may open."""
    mine = (page for page in PAGES if page.section == section and user.has_perm(page.permission))
    return [{"name": page.name, "url": reverse(page.view)} for page in mine]


def section_of(app_label: str, model_name: str) -> str:
    """The name of the section that a model stands in, as its address has it."""
    return OF_MODEL.get(f"{app_label}.{model_name}", OF_APP.get(app_label, "access"))


def in_sections(app_list: Iterable[dict[str, Any]], url_of: Any) -> list[dict[str, Any]]:
    """Django's list of apps with their models as one of sections; a section without any is left out."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    for app in app_list:
        for model in app["models"]:
            name = sentence_case(model["model"]._meta.verbose_name_plural)
            found[section_of(app["app_label"], model["object_name"].lower())].append(model | {"name": name})
    return [
        {"name": SECTIONS[name], "app_label": name, "app_url": url_of(name), "models": sorted(models, key=_order)}
        for name, models in found.items()
        if models
    ]


def sentence_case(name: object) -> str:
    """A name as a heading has it; one that is written in its own way, as vCenter is, stays as it is."""
    text = str(name)
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def _order(model: dict[str, Any]) -> tuple[bool, str]:
    return model["object_name"].lower() not in FIRST, str(model["name"]).lower()
