"""A vCenter over its SOAP API: the only package that imports pyVmomi."""

from collections.abc import Iterable, Iterator
from typing import Any

from inventory.sources.records import Batch, Finding, Origin, SourceError
from inventory.sources.vcenter.collector import (
    Row,
    everything_in,
    exactly,
    members,
    members_named,
    pages,
    text_of,
    view_of,
)
from inventory.sources.vcenter.endpoint import TLS_POLICIES, Endpoint
from inventory.sources.vcenter.estate import Estate, read_estate
from inventory.sources.vcenter.faults import READ_FAULTS, explained, no_permission, no_such_datacenter
from inventory.sources.vcenter.machines import PROPERTIES, doubtful, machine, unreadable
from inventory.sources.vcenter.session import Session

__all__ = ["VcenterSource"]


class VcenterSource:
    """One vCenter, or one datacenter of it.

    Times are in seconds; `connect_timeout` covers the TLS handshake, `read_timeout` each read of an answer,
    `time_limit` all of the reading: no call begins after it.
    `datacenter` is a name, or an inventory path (`folder/name`) where the name is not unique. `thumbprint` is the
    SHA-256 (or SHA-1) of the server's certificate, for `tls="pinned"`.

    Codes of `SourceError`: unreachable, timeout, too_slow, bad_certificate, wrong_password, no_permission,
    no_such_datacenter, not_a_vcenter, lost, refused.
    """

    kind = "vcenter"

    def __init__(
        self,
        host: str,
        username: str,
        password: str,
        *,
        port: int = 443,
        datacenter: str | None = None,
        tls: str = "verify",
        ca_file: str | None = None,
        ca_data: str | None = None,
        thumbprint: str | None = None,
        connect_timeout: float = 10,
        read_timeout: float = 60,
        time_limit: float | None = None,
        batch_size: int = 500,
    ) -> None:
        if tls not in TLS_POLICIES:
            raise ValueError(f"tls must be one of {', '.join(TLS_POLICIES)}")
        self._endpoint = Endpoint(
            host=host,
            port=port,
            username=username,
            password=password,
            tls=tls,
            ca_file=ca_file,
            ca_data=ca_data,
            thumbprint=thumbprint,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            time_limit=time_limit,
        )
        self._datacenter = datacenter
        self._batch_size = batch_size
        self._total: int | None = None

    def __repr__(self) -> str:
        return f"VcenterSource({self._endpoint}, user {self._endpoint.username})"

    @property
    def total(self) -> int | None:
        """Known from the first batch on."""
        return self._total

    def batches(self, names: Iterable[str] = ()) -> Iterator[Batch]:
        """Yield the hosts, then the VMs, one batch for each answer of the vCenter.

        Holds a session from the first `next()` until the end or `close()`. Raises `SourceError`, with no cause
        attached: the frames of a cause would hold the password.
        """
        session = Session(self._endpoint)
        try:
            with session:
                yield from self._read(session, frozenset(names))
            return
        except (SourceError, *READ_FAULTS) as fault:
            error = explained(fault, self._endpoint, recognised=session.recognised)
        raise error

    def _read(self, session: Session, names: frozenset[str]) -> Iterator[Batch]:
        about = session.content.about
        origin = Origin(
            self._endpoint.host, text_of((about.instanceUuid or "").lower()), text_of(about.fullName or about.version)
        )
        estate = read_estate(session)
        datacenter = self._scope(estate)
        covers = estate.covered_by(datacenter, self._datacenter)
        container = datacenter.ref if datacenter else session.content.rootFolder
        with view_of(session, container, PROPERTIES) as view:
            found = members_named(session, view, names) if names else members(session, view)
            self._total = len(found)
            yield Batch(origin=origin, hosts=estate.hosts(datacenter), covers=covers)
            seen = 0
            for page in self._pages(session, view, found if names else None):
                seen += len(page)
                yield _batch(origin, page, estate, covers)
            if seen < len(found):
                yield Batch(origin=origin, findings=(_gone(len(found) - seen),), covers=covers)

    def _scope(self, estate: Estate) -> Row | None:
        if not estate.datacenters:
            raise no_permission(self._endpoint)
        if self._datacenter is None:
            return None
        found = estate.datacenters_named(self._datacenter)
        if len(found) != 1:
            raise no_such_datacenter(self._endpoint, self._datacenter, sorted(estate.datacenters))
        return found[0]

    def _pages(self, session: Session, view: Any, only: list[Any] | None) -> Iterator[list[Row]]:
        size = self._batch_size
        if only is None:
            yield from pages(session, everything_in(view), PROPERTIES, size=size)
            return
        for start in range(0, len(only), size):
            yield from pages(session, exactly(only[start : start + size]), PROPERTIES, size=size)


def _gone(count: int) -> Finding:
    return Finding(
        code="vms_gone",
        message=f"{count} of the VMs could no longer be found when they were read; run discovery again.",
        severity="warning",
    )


def _batch(origin: Origin, page: list[Row], estate: Estate, covers: frozenset[str] | None) -> Batch:
    left_out = {row.moref: finding for row in page if (finding := unreadable(row))}
    whole = [row for row in page if row.moref not in left_out]
    weak = [finding for row in whole if (finding := doubtful(row))]
    return Batch(
        origin=origin,
        vms=tuple(machine(row, estate) for row in whole),
        findings=(*left_out.values(), *weak),
        covers=covers,
    )
