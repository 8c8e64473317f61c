"""A simulated engine: it replicates, backs up, restores and fails over what it is given, and knows the API only."""

from datetime import UTC, datetime
from typing import Any

from tests.config.api.client import Hub

FAILOVER = ("snapshotting", "creating_vm", "switching_volume", "powering_on")


class Engine:
    """It takes one job after the other. `volumes` are the disks that it copies to, by the disk's id."""

    def __init__(self, hub: Hub, disks: tuple[str, ...], *, name: str = "engine-1") -> None:
        self.hub, self.disks, self.name = hub, disks, name
        self.number = 0

    def do_next(self, *kinds: str) -> dict[str, Any] | None:
        """Do the next job of these kinds to its end, and return how it is then; None where none waits."""
        taken = self.hub.post("jobs/next", kinds=kinds, engine=self.name)
        if taken is None:
            return None
        self.number += 1
        self.job, self.fence, status = taken["job"]["id"], taken["fence"], taken["job"]["status"]
        self.hub.post(f"jobs/{self.job}/heartbeat", fence=self.fence)
        do = getattr(self, f"_{taken['job']['kind']}" if status not in ("cleanup", "reverting") else "_undo")
        snapshot = do() or {}
        return self.hub.post(f"jobs/{self.job}/complete", fence=self.fence, **snapshot)

    def _replication(self) -> None:
        bases = self._bases("replications", "type")
        self.hub.post(f"jobs/{self.job}/advance", fence=self.fence, to="replicating", snapshot_at=_now())
        self._copy(bases)

    def _backup(self) -> dict[str, str]:
        self._copy(self._bases("backups", "type"), path=f"/copies/{self.job}")
        return {"snapshot_at": _now()}

    def _restore(self) -> None:
        self.hub.post(f"jobs/{self.job}/progress", fence=self.fence, sequence=1, percent=50, operation="writing")

    def _failover(self) -> None:
        for to in FAILOVER:
            self.hub.post(f"jobs/{self.job}/advance", fence=self.fence, to=to)
            if to == "snapshotting":
                for disk in self.disks:
                    self._snapshot(disk, "ready", snapshot_id=f"{self.job}-{disk}")
            elif to == "creating_vm":
                self.hub.put(f"jobs/{self.job}/destination", fence=self.fence, destination_vm_id=f"i-{self.number}")

    def _undo(self) -> None:
        for disk in self.disks:
            self._snapshot(disk, "restored")

    def _snapshot(self, disk: str, status: str, **said: str) -> None:
        self.hub.put(f"jobs/{self.job}/snapshots/{disk}", fence=self.fence, status=status, **said)

    def _bases(self, kind: str, name: str) -> dict[str, str]:
        """The change ids from which this engine goes on, where the hub says that it may."""
        is_full = self.hub.get(f"{kind}/{self.job}")[name] in ("initial", "full")
        return {} if is_full else self.known[kind]

    known: dict[str, dict[str, str]] = {}

    def _copy(self, bases: dict[str, str], **said: str) -> None:
        new = dict.fromkeys(self.disks, f"52a1b2c3-d4e5-f607-1829-3a4b5c6d7e8f/{self.number}")
        for number, disk in enumerate(self.disks, start=1):
            percent = 100 * number / len(self.disks)
            self.hub.post(f"jobs/{self.job}/progress", fence=self.fence, sequence=number, percent=percent)
            base = {"base_change_id": bases[disk]} if bases else {}
            for _ in range(2):
                self.hub.put(
                    f"jobs/{self.job}/disks/{disk}",
                    fence=self.fence,
                    status="completed",
                    bytes=100,
                    change_id=new[disk],
                    **base,
                    **said,
                )
        self.known = {**self.known, ("backups" if said else "replications"): new}


def _now() -> str:
    return datetime.now(UTC).isoformat()
