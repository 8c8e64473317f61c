"""Which stored vCenter a source speaks of, and how a stored vCenter is read."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from inventory.models import Organization, Vcenter
from inventory.sources.records import Origin, SourceError
from inventory.sources.vcenter import VcenterSource

UNNAMED = "rvtools"
"""The vCenter of files that do not say whose VMs they hold, where the caller does not either."""


class Unresolved(Exception):
    """An organisation or a vCenter that is not known, or not the only one; the message says what to do."""


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


def open_vcenter(vcenter: Vcenter) -> VcenterSource:
    """A source that reads this vCenter with its stored credentials, which go to its own host only."""
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
        connect_timeout=settings.DISCOVERY_CONNECT_TIMEOUT,
        read_timeout=settings.DISCOVERY_READ_TIMEOUT,
    )


def same_vcenter(vcenter: Vcenter, *, dry_run: bool) -> Callable[[Origin], Vcenter]:
    """For a vCenter that is read directly: its own row, once it has proved to be the one it was before."""

    def find(origin: Origin) -> Vcenter:
        if origin.instance_uuid and vcenter.instance_uuid not in (None, origin.instance_uuid):
            raise SourceError(
                "other_vcenter",
                f"{vcenter.host} is now another vCenter than the one known as {vcenter.name}; "
                "add it under a name of its own, so that the two estates are not mixed.",
            )
        if origin.instance_uuid and vcenter.instance_uuid is None and not dry_run:
            taken = Vcenter.objects.filter(
                organization_id=vcenter.organization_id, instance_uuid=origin.instance_uuid
            ).first()
            if taken:
                raise SourceError(
                    "other_vcenter",
                    f"{vcenter.host} is already known as {taken.name}; discover that one, or remove one of the two.",
                )
            vcenter.instance_uuid = origin.instance_uuid
            vcenter.save(update_fields=["instance_uuid", "updated_at"])
        return vcenter

    return find


@dataclass(frozen=True)
class FileVcenters:
    """For a file: the vCenter that it names, else the one the caller names, else UNNAMED; made where it is new."""

    organization: Organization
    into: str | None
    dry_run: bool

    def __call__(self, origin: Origin) -> Vcenter:
        mine = Vcenter.objects.filter(organization=self.organization)
        found = self._named_by(mine, origin)
        if found is not None:
            return found
        new = Vcenter(
            organization=self.organization,
            name=self.into or origin.server or origin.instance_uuid or UNNAMED,
            host=origin.server,
            instance_uuid=origin.instance_uuid,
        )
        if not self.dry_run:
            new.save()
        return new

    def _named_by(self, mine, origin: Origin) -> Vcenter | None:  # type: ignore[no-untyped-def]
        if self.into:
            return mine.filter(name=self.into).first()
        for condition in (
            {"instance_uuid": origin.instance_uuid},
            {"host": origin.server},
            {"name": origin.server or origin.instance_uuid or UNNAMED},
        ):
            if all(condition.values()) and (found := mine.filter(**condition).first()):
                return found
        return None
