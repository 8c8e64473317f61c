"""A simulated engine: it replicates, backs up, restores and fails over what it is given, and knows the API only.

It moves no block and makes no VM. What it says of them is made up; how it says it is what an engine does.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from config.demo.calls import Refused

KINDS = ("replication", "failover", "backup", "restore")
FAILOVER = ("snapshotting", "creating_vm", "switching_volume", "powering_on")
SHARE_CHANGED = 50
"""A run that goes on from a change id copies the 50th part of a disk."""


class Hub(Protocol):
    """The calls of one key. They raise Refused."""

    def get(self, path: str) -> Any: ...
    def post(self, path: str, /, **body: Any) -> Any: ...
    def put(self, path: str, /, **body: Any) -> Any: ...


class Engine:
    """It takes one job after the other. `between` is called where a real one would be at work for long."""

    def __init__(
        self, hub: Hub, *, name: str = "engine-1", between: Callable[[str], None] = lambda doing: None
    ) -> None:
        self.hub, self.name, self.between = hub, name, between

    def do_next(self, *kinds: str) -> dict[str, Any] | None:
        """Do the next job of these kinds, or of any, to its end, and return how it is then; None where none waits.

        What the hub refuses meanwhile is raised, and the job stays as it is: see `give_up`.
        """
        taken = self.hub.post("jobs/next", kinds=list(kinds or KINDS), engine=self.name)
        if taken is None:
            return None
        job = taken["job"]
        self.job, self.fence = job["id"], taken["fence"]
        self._say("heartbeat")
        vm = self.hub.get(f"vm-contexts/{job['context_id']}")
        self.disks = [disk for disk in vm["disks"] if disk["removed_at"] is None]
        undoes = job["status"] in ("cleanup", "reverting")
        self.between(job["status"])
        return self._say("complete", **getattr(self, "_undo" if undoes else f"_{job['kind']}")())

    def give_up(self, why: Refused) -> dict[str, Any]:
        """End the job in hand as failed, for what the hub said."""
        return self._say("fail", code=why.code, message=why.message)

    def _say(self, what: str, **more: Any) -> Any:
        return self.hub.post(f"jobs/{self.job}/{what}", fence=self.fence, **more)

    def _replication(self) -> dict[str, str]:
        self._say("advance", to="replicating", snapshot_at=_now())
        self._volumes()
        self._copy()
        return {}

    def _volumes(self) -> None:
        """Tell of the volumes that take the copies: those that were there stay, of which only the status is said."""
        for disk in self.disks:
            made = {} if disk["volume"] else {"volume_id": str(uuid4()), "size_bytes": disk["capacity_bytes"]}
            self._tell(f"volumes/{disk['disk_id']}", status="attached", **made)

    def _backup(self) -> dict[str, str]:
        self._copy(path=f"/copies/{self.job}")
        return {"snapshot_at": _now()}

    def _restore(self) -> dict[str, str]:
        self._say("progress", sequence=1, percent=50, operation="writing")
        self.between("writing")
        return {}

    def _failover(self) -> dict[str, str]:
        for to in FAILOVER:
            self._say("advance", to=to)
            self.between(to)
            if to == "snapshotting":
                self._snapshots("ready")
            elif to == "creating_vm":
                self._tell("destination", destination_vm_id=f"simulated-{self.job[-12:]}")
        return {}

    def _undo(self) -> dict[str, str]:
        self._snapshots("restored")
        return {}

    def _snapshots(self, status: str) -> None:
        for disk in (each["disk_id"] for each in self.disks):
            more = {"snapshot_id": f"{self.job}-{disk}"[-191:]} if status == "ready" else {}
            self._tell(f"snapshots/{disk}", status=status, **more)

    def _tell(self, what: str, **more: Any) -> Any:
        return self.hub.put(f"jobs/{self.job}/{what}", fence=self.fence, **more)

    def _copy(self, **said: str) -> None:
        """Copy each disk, from the change id that the hub names for it where it names one."""
        size_of = {disk["disk_id"]: disk["capacity_bytes"] or 0 for disk in self.disks}
        copies = self.hub.get(f"jobs/{self.job}/disks")["disks"]
        for number, disk in enumerate(copies, start=1):
            name, base = disk["disk_id"], disk["base_change_id"]
            self.between(f"copying {name}")
            size = size_of.get(name, 0) // (SHARE_CHANGED if base else 1)
            self._say("progress", sequence=number, percent=100 * number / len(copies), operation="copying")
            more = {"base_change_id": base} if base else {}
            self._tell(f"disks/{name}", status="completed", bytes=size, change_id=_next_change_id(base), **more, **said)


def _next_change_id(base: str | None) -> str:
    if base is None:
        return f"{uuid4()}/1"
    tracking, _, number = base.rpartition("/")
    return f"{tracking}/{int(number) + 1}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
