"""The source: reads one answer and yields its VMs."""

import json
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from .. import facts
from ..records import Batch, Finding, Origin, SourceError, VirtualMachine
from .answer import Node, WrongShapeError, left_out, machine, name_of
from .http import BODY_LIMIT, Request

BATCH = 500


class VmaSource:
    """A discovery of the VMA appliance. Sizes are bytes, memory is in MiB.

    Reading raises `SourceError`. From a URL: bad_url, unreachable, timeout, bad_certificate, redirected, http_status,
    broken_answer. From a file: not_found, not_readable. From either: too_large, not_json, wrong_shape.
    """

    kind = "vma"

    def __init__(self, read: Callable[[], bytes], request: Mapping[str, str] | None = None) -> None:
        self._read = read
        self._request = request
        self._total: int | None = None

    @classmethod
    def from_url(
        cls,
        url: str,
        timeout: float = 30,
        ssl_context: ssl.SSLContext | None = None,
        request: Mapping[str, str] | None = None,
    ) -> "VmaSource":
        """The answer of an appliance within `timeout` seconds.

        With `request` it is asked by POST, as the appliance's own /api/v1/discover wants it: vcenter, username,
        password, datacenter and filter. Credentials in the URL are sent as Basic authentication.
        """
        return cls(Request(url, timeout, ssl_context, request).send, request)

    @classmethod
    def from_file(cls, path: str | Path) -> "VmaSource":
        """An answer that was saved."""
        return cls(lambda: _read_file(Path(path)))

    @property
    def total(self) -> int | None:
        """How many VMs the last answer held; None before one has been read."""
        return self._total

    def batches(self, names: Iterable[str] = ()) -> Iterator[Batch]:
        """The VMs, or those with exactly these names, at most `BATCH` at a time."""
        wanted = frozenset(names)
        answer = _parse(self._read())
        origin, answered, nodes = _open(answer)
        asked = _datacenter_of(self._request)
        findings: list[Finding] = []
        vms = _distinct(_machines(nodes, answered or asked, wanted, findings), findings)
        covers = _covers(self._request, asked, answered, findings)
        weak = sum(vm.instance_uuid is None and vm.moref is None for vm, _ in vms)
        if weak:
            findings.append(_weak_identity(weak, len(vms)))
        self._total = len(vms)
        for start in range(0, max(len(vms), 1), BATCH):
            batch = tuple(vm for vm, _ in vms[start : start + BATCH])
            yield Batch(origin=origin, vms=batch, findings=() if start else tuple(findings), covers=covers)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(BODY_LIMIT + 1)
    except FileNotFoundError:
        raise SourceError("not_found", f"There is no file {path}; check the path.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise SourceError("not_readable", f"The file {path} cannot be read: {reason}.") from None
    if len(body) > BODY_LIMIT:
        raise SourceError("too_large", f"{path.name} is larger than 64 MiB, so it was not read; save fewer VMs.")
    return body


def _datacenter_of(request: Mapping[str, str] | None) -> str | None:
    try:
        return facts.stripped((request or {}).get("datacenter") or "")
    except ValueError:
        return None


def _covers(
    request: Mapping[str, str] | None, asked: str | None, answered: str | None, findings: Iterable[Finding]
) -> frozenset[str]:
    """`Batch.covers`: who saved an answer, or set up an address, may have filtered it; who asks here says so.

    A VM that is left out without anything to know it by might be any that is not found.
    """
    datacenter = answered or asked
    if request is None or (request.get("filter") or "").strip():
        return frozenset()
    if datacenter is None or "/" in datacenter or asked not in (None, datacenter):
        return frozenset()
    unknown = any(each.severity == "error" and not each.leaves_out_a_vm for each in findings)
    return frozenset() if unknown else frozenset({datacenter})


def _parse(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise SourceError(
            "not_json", "The answer is not JSON; is this the address of an appliance, and the answer complete?"
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _open(answer: object) -> tuple[Origin, str | None, list[object]]:
    """The vCenter, its datacenter, and the VMs, of which Go writes an empty list as null."""
    if not isinstance(answer, dict) or "vms" not in answer:
        raise SourceError("wrong_shape", "The answer has no list `vms`; is this the address of a discovery?")
    vms = answer["vms"] if answer["vms"] is not None else []
    vcenter = answer.get("vcenter") or {}
    if not isinstance(vms, list) or not isinstance(vcenter, dict):
        raise SourceError("wrong_shape", "In the answer `vms` must be a list and `vcenter` an object; see its log.")
    node = Node(vcenter, "vcenter", [])
    return _origin(node), node.text("datacenter"), vms


def _origin(vcenter: Node) -> Origin:
    uuid = vcenter.converted("instance_uuid", facts.uuid_text)
    return Origin(vcenter.text("host"), uuid, vcenter.text("version"))


def _machines(
    items: list[object], datacenter: str | None, wanted: frozenset[str], findings: list[Finding]
) -> Iterator[tuple[VirtualMachine, str]]:
    """The VMs that are whole, with their paths in the answer."""
    for index, item in enumerate(items):
        path = f"vms[{index}]"
        if wanted and name_of(item) not in wanted:
            continue
        try:
            if not isinstance(item, dict):
                raise WrongShapeError("wrong_shape", "there is something else where an object belongs", path)
            yield machine(Node(item, path, findings), datacenter), path
        except WrongShapeError as error:
            findings.append(left_out(item, path, error))


def _distinct(vms: Iterable[tuple[VirtualMachine, str]], findings: list[Finding]) -> list[tuple[VirtualMachine, str]]:
    """The VMs that their identity tells apart. An SMBIOS UUID does not: copies of a VM share it."""
    known = [(vm, path, _key(vm)) for vm, path in vms]
    times = Counter(key for _, _, key in known)
    for vm, path, key in known:
        if times[key] > 1:
            code = "name_conflict" if key.startswith("name:") else "duplicate_vm"
            message = f"{times[key]} VMs have the identity {key!r}, so none of them was taken; remove all but one."
            known_as = (vm.name, "error", vm.moref, vm.instance_uuid)
            findings.append(Finding(code, message, None, None, path, *known_as))
    return [(vm, path) for vm, path, key in known if times[key] == 1]


def _key(vm: VirtualMachine) -> str:
    if vm.instance_uuid:
        return f"uuid:{vm.instance_uuid}"
    return f"moref:{vm.moref}" if vm.moref else f"name:{vm.name}"


def _weak_identity(weak: int, total: int) -> Finding:
    message = (
        f"{weak} of {total} VMs come without a VM ID or instance UUID (the appliance tells the SMBIOS UUID, which "
        "copies share): they are known by their name alone, which is weak; a renamed VM is taken for a new one."
    )
    return Finding("weak_identity", message, column="vms[].id", severity="warning")
