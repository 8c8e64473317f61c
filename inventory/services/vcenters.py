"""Which stored vCenter a source speaks of, and how a stored vCenter is read."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from config.refusals import Invalid
from inventory.models import Organization, Vcenter
from inventory.services.records import change_record, create_record
from inventory.sources.records import Origin, SourceError
from inventory.sources.vcenter import VcenterSource

UNNAMED = "rvtools"
"""The vCenter of files that do not say whose VMs they hold, where the caller does not either."""


SENT_TO = ("host", "port", "tls_policy", "ca_certificate", "thumbprint")
"""What says to whom the password of a vCenter is sent."""

log = logging.getLogger(__name__)


class Unresolved(Exception):
    """An organisation or a vCenter that is not known, or not the only one; the message says what to do."""


def create_vcenter(organization: Organization, columns: Mapping[str, Any], *, by: str) -> Vcenter:
    """Make a vCenter known, of which a caller of the API says these columns. Raises Conflict, Invalid."""
    row = Vcenter(organization=organization, **columns)
    refuse_strange_host(row.host, row.port)
    create_record(row)
    log.info("%s: vCenter %s made", by, row.pk)
    return row


def change_vcenter(row: Vcenter, columns: Mapping[str, Any], *, version: int | None, by: str) -> Vcenter:
    """Change what a caller of the API says of a vCenter. Raises Conflict, Invalid, NotFound."""
    if {"host", "port"} & set(columns):
        refuse_strange_host(columns.get("host", row.host), columns.get("port", row.port))
    changed: Vcenter = change_record(row, columns, version=version, sent_to=SENT_TO)
    log.info("%s: vCenter %s changed in %s", by, row.pk, ", ".join(columns))
    return changed


def refuse_strange_host(host: str | None, port: int) -> None:
    """Raise Invalid unless a caller of the API may have discovery connect there: see DISCOVERY_ALLOWED_HOSTS."""
    if host is None:
        return
    name = host.lower().removesuffix(".")
    if not {name, f"{name}:{port}"} & {each.lower().removesuffix(".") for each in settings.DISCOVERY_ALLOWED_HOSTS}:
        raise Invalid(
            f"Discovery may not connect to {host}: have the operators of the hub add it to DISCOVERY_ALLOWED_HOSTS.",
            code="host_not_allowed",
        )


def find_organization(slug: str | None) -> Organization:
    """The organisation of this slug; without one the default, or the only one. Raises Unresolved."""
    if slug is not None:
        found = Organization.objects.filter(slug=slug).first()
        if found is None:
            known = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise Unresolved(f"There is no organisation {slug}; known: {known}.")
        return found
    default = Organization.objects.filter(is_default=True).first()
    candidates = [default] if default else list(Organization.objects.all()[:2])
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise Unresolved("There is no organisation yet; add the one that owns this estate in the admin.")
    raise Unresolved("There are several organisations and none is the default; say --organization SLUG.")


def find_vcenter(name: str, organization: str | None) -> Vcenter:
    """The vCenter of this name, in the organisation if one is given. Raises Unresolved."""
    found = Vcenter.objects.select_related("organization").filter(name=name)
    if organization is not None:
        found = found.filter(organization=find_organization(organization))
    candidates = list(found[:2])
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise Unresolved(f"Several organisations have a vCenter {name}; say --organization SLUG.")
    known = ", ".join(Vcenter.objects.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
    raise Unresolved(f"There is no vCenter {name}; add it in the admin. Known: {known}.")


def open_vcenter(vcenter: Vcenter, *, time_limit: float | None = None) -> VcenterSource:
    """A source that reads this vCenter with the credentials of its row, which go to its own host only.

    With `time_limit` the reading ends after so many seconds. Raises Unresolved, SecretUnreadable.
    """
    missing = [name for name in ("host", "username", "password") if not getattr(vcenter, name)]
    if missing:
        raise Unresolved(f"The vCenter {vcenter.name} has no {' and no '.join(missing)}; enter it in the admin.")
    return VcenterSource(
        vcenter.host or "",
        vcenter.username or "",
        vcenter.password,
        port=vcenter.port,
        datacenter=vcenter.datacenter,
        tls=vcenter.tls_policy,
        ca_data=vcenter.ca_certificate,
        thumbprint=vcenter.thumbprint,
        connect_timeout=min(settings.DISCOVERY_CONNECT_TIMEOUT, time_limit or math.inf),
        read_timeout=min(settings.DISCOVERY_READ_TIMEOUT, time_limit or math.inf),
        time_limit=time_limit,
    )


def same_vcenter(vcenter: Vcenter, *, dry_run: bool) -> Callable[[Origin], Vcenter]:
    """For a vCenter that is read directly: its own row, once it has proved to be the one it was before."""

    def find(origin: Origin) -> Vcenter:
        _refuse_another(vcenter, origin)
        if origin.instance_uuid and vcenter.instance_uuid is None:
            taken = _of_instance(vcenter.organization, origin)
            if taken:
                raise SourceError(
                    "other_vcenter",
                    f"{vcenter.host} is already known as {taken.name}; discover that one, or remove one of the two.",
                )
            _learn(vcenter, origin, dry_run=dry_run)
        return vcenter

    return find


@dataclass(frozen=True)
class FileVcenters:
    """For a file: the vCenter that it names, else the one the caller names, else UNNAMED; made where it is new.

    Raises SourceError where the file is of another vCenter than the one it would go to.
    """

    organization: Organization
    into: str | None
    dry_run: bool

    def __call__(self, origin: Origin) -> Vcenter:
        name = self.into or origin.server or origin.instance_uuid or UNNAMED
        found = _of_instance(self.organization, origin)
        if found is not None and self.into not in (None, found.name):
            raise SourceError(
                "other_vcenter",
                f"The file is of the vCenter known as {found.name}; leave --into out, or name that one.",
            )
        found = found or self._known_as(name, origin)
        if found is not None:
            _refuse_another(found, origin)
            if found.instance_uuid is None and origin.instance_uuid:
                _learn(found, origin, dry_run=self.dry_run)
            return found
        return self._new(name, origin)

    def _known_as(self, name: str, origin: Origin) -> Vcenter | None:
        mine = Vcenter.objects.filter(organization=self.organization)
        by_host = mine.filter(host=origin.server).first() if origin.server and not self.into else None
        return by_host or mine.filter(name=name).first()

    def _new(self, name: str, origin: Origin) -> Vcenter:
        new = Vcenter(organization=self.organization, name=name, host=origin.server, instance_uuid=origin.instance_uuid)
        try:
            new.clean_fields()
        except ValidationError as error:
            raise SourceError(
                "bad_vcenter", f"No vCenter can be named as the file or --into does: {'; '.join(error.messages)}"
            ) from None
        if not self.dry_run:
            new.save()
        return new


def _of_instance(organization: Organization, origin: Origin) -> Vcenter | None:
    if not origin.instance_uuid:
        return None
    return Vcenter.objects.filter(organization=organization, instance_uuid=origin.instance_uuid).first()


def _refuse_another(vcenter: Vcenter, origin: Origin) -> None:
    if origin.instance_uuid and vcenter.instance_uuid not in (None, origin.instance_uuid):
        raise SourceError(
            "other_vcenter",
            f"{origin.server or 'The source'} is now another vCenter than the one known as {vcenter.name}; "
            "add it under a name of its own, so that the two estates are not mixed.",
        )


def _learn(vcenter: Vcenter, origin: Origin, *, dry_run: bool) -> None:
    vcenter.instance_uuid = origin.instance_uuid
    if not dry_run:
        vcenter.save(update_fields=["instance_uuid", "updated_at"])
