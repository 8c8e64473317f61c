"""A private vCenter simulator: built once from Debian's source of govmomi, started on loopback for one test."""

import hashlib
import json
import os
import secrets
import select
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim

SOURCE = Path(__file__).with_name("main.go")
BUILDS = Path(__file__).parents[2] / "var" / "vcsim"
DEBIAN_GOPATH = Path("/usr/share/gocode")
PACKAGES = ("golang-go", "golang-github-vmware-govmomi-dev")
START_LIMIT = 60
"""Seconds until the simulator must serve; 1,000 VMs take about one."""


class VcsimUnavailableError(RuntimeError):
    """The simulator cannot be built or does not start. The message says what to do."""


@dataclass
class Vcsim:
    """A running simulator. The methods change its estate as a person in vCenter would, over SOAP."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    certificate: str
    """PEM"""
    process: subprocess.Popen[str] = field(repr=False)

    @property
    def thumbprint(self) -> str:
        """SHA-256"""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).hexdigest()

    @cached_property
    def admin(self) -> Any:
        return SmartConnect(
            host=self.host, port=self.port, user=self.username, pwd=self.password, disableSslCertValidation=True
        )

    def sessions(self) -> int:
        """How many are logged in, without the administrator who asks."""
        return len(self.admin.RetrieveContent().sessionManager.sessionList) - 1

    def end_other_sessions(self) -> None:
        manager = self.admin.RetrieveContent().sessionManager
        own = manager.currentSession.key
        manager.TerminateSession([session.key for session in manager.sessionList if session.key != own])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def rename_vm(self, name: str, new_name: str) -> None:
        WaitForTask(self._vm(name).Rename_Task(new_name))

    def mark_as_template(self, name: str) -> None:
        WaitForTask(self._vm(name).PowerOffVM_Task())
        self._vm(name).MarkAsTemplate()

    def add_disk(self, name: str, capacity_bytes: int) -> None:
        disks = self._devices(name, vim.vm.device.VirtualDisk)
        disk = vim.vm.device.VirtualDisk(
            key=-1,
            controllerKey=disks[0].controllerKey,
            unitNumber=max(disk.unitNumber for disk in disks) + 1,
            capacityInKB=capacity_bytes // 1024,
            backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True),
        )
        self._reconfigure(name, "add", disk, fileOperation="create")

    def remove_disk(self, name: str, device_key: int) -> None:
        self._reconfigure(name, "remove", self._device(name, device_key))

    def grow_disk(self, name: str, device_key: int, capacity_bytes: int) -> None:
        disk = self._device(name, device_key)
        disk.capacityInKB = capacity_bytes // 1024
        self._reconfigure(name, "edit", disk)

    def change_network(self, name: str, network: str) -> None:
        """Connect the first network interface to a network of this name, standard or distributed."""
        card = self._devices(name, vim.vm.device.VirtualEthernetCard)[0]
        found = next(net for datacenter in self._datacenters() for net in datacenter.network if net.name == network)
        if isinstance(found, vim.dvs.DistributedVirtualPortgroup):
            switch: Any = found.config.distributedVirtualSwitch
            port = vim.dvs.PortConnection(portgroupKey=found.key, switchUuid=switch.uuid)
            card.backing = vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
        else:
            card.backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network)
        self._reconfigure(name, "edit", card)

    def _reconfigure(self, name: str, operation: str, device: Any, **more: Any) -> None:
        change = vim.vm.device.VirtualDeviceSpec(operation=operation, device=device, **more)
        WaitForTask(self._vm(name).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))

    def _datacenters(self) -> list[Any]:
        return [child for child in self.admin.content.rootFolder.childEntity if isinstance(child, vim.Datacenter)]

    def _vm(self, name: str) -> Any:
        index = self.admin.content.searchIndex
        for datacenter in self._datacenters():
            if found := index.FindByInventoryPath(f"{datacenter.name}/vm/{name}"):
                return found
        raise LookupError(f"the simulator has no VM {name}")

    def _devices(self, name: str, kind: type) -> list[Any]:
        return [device for device in self._vm(name).config.hardware.device if isinstance(device, kind)]

    def _device(self, name: str, key: int) -> Any:
        return next(device for device in self._devices(name, vim.vm.device.VirtualDevice) if device.key == key)


@contextmanager
def running_vcsim(
    *,
    port: int = 0,
    vms: int = 10,
    hosts: int = 2,
    datacenters: int = 1,
    orphans: int = 0,
    hidden: int = 0,
    refuse: tuple[str, ...] = (),
    delay: Mapping[str, int] | None = None,
    cut: str = "",
) -> Iterator[Vcsim]:
    """A simulator with `vms` VMs and `hosts` hosts in each of its `datacenters` (DC0, DC1, ...).

    The first `orphans` VMs have no configuration, the last `hidden` ones may not be read. The SOAP methods in
    `refuse` answer NoPermission, those in `delay` wait so many milliseconds, the answer of `cut` breaks off.
    """
    username, password = "administrator@vsphere.local", secrets.token_urlsafe(12)
    numbers = {
        "port": port,
        "vms": vms,
        "hosts": hosts,
        "datacenters": datacenters,
        "orphans": orphans,
        "hidden": hidden,
    }
    delays = ",".join(f"{method}={milliseconds}" for method, milliseconds in (delay or {}).items())
    words = {"user": username, "password": password, "refuse": ",".join(refuse), "delay": delays, "cut": cut}
    command = [str(built_vcsim()), *(f"-{name}={value}" for name, value in {**numbers, **words}.items())]
    with tempfile.TemporaryDirectory(prefix="vcsim-") as scratch, tempfile.TemporaryFile("w+") as log:
        command.append(f"-scratch={scratch}")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        server = None
        try:
            started = _first_line(process, log)
            server = Vcsim("127.0.0.1", started["port"], username, password, started["certificate"], process)
            yield server
        finally:
            _stop(process, server)


def built_vcsim() -> Path:
    """The binary, built now if this source was not yet built with this version of govmomi (20 to 60 s).

    Raises `VcsimUnavailableError`, naming the Debian packages that are missing.
    """
    digest = hashlib.sha256(SOURCE.read_bytes() + _govmomi_version().encode()).hexdigest()[:16]
    binary = BUILDS / f"vcsim-{digest}"
    BUILDS.mkdir(parents=True, exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not binary.exists():
            _build(binary)
    return binary


def _govmomi_version() -> str:
    source = DEBIAN_GOPATH / "src" / "github.com" / "vmware" / "govmomi" / "simulator"
    if not (shutil.which("go") and source.is_dir()):
        raise VcsimUnavailableError(
            f"The vCenter simulator is built from packages that are missing: apt-get install {' '.join(PACKAGES)}"
        )
    query = ["dpkg-query", "--show", "--showformat=${Package}=${Version}\n", *PACKAGES]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


def _build(binary: Path) -> None:
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPROXY": "off",
        "GOPATH": f"{BUILDS / 'go'}:{DEBIAN_GOPATH}",
        "CGO_ENABLED": "0",
    }
    if not os.environ.get("HOME"):
        environment.setdefault("GOCACHE", str(BUILDS / "cache"))
    unfinished = binary.with_suffix(".unfinished")
    built = subprocess.run(
        ["go", "build", "-o", str(unfinished), str(SOURCE)],
        env=environment,
        cwd=BUILDS,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise VcsimUnavailableError(f"The vCenter simulator does not build with {_govmomi_version()}:\n{built.stderr}")
    unfinished.replace(binary)


def _first_line(process: subprocess.Popen[str], log: IO[str]) -> dict[str, Any]:
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT)
    line = process.stdout.readline() if ready and process.stdout else ""
    if not line:
        log.seek(0)
        raise VcsimUnavailableError(
            f"The vCenter simulator did not serve within {START_LIMIT} s:\n{log.read()[-2000:]}"
        )
    return dict(json.loads(line))


def _stop(process: subprocess.Popen[str], server: Vcsim | None) -> None:
    if server and "admin" in server.__dict__ and process.poll() is None:
        Disconnect(server.admin)
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
