"""Nobody learns of another organisation's rows, by any path that the API has or will have.

The paths come from the OpenAPI document: one that is new and not in the tables below fails here, and says what to add.
"""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from config.api.root import api
from config.demo.factories import (
    BackupJobFactory,
    BackupPolicyFactory,
    BackupScheduleFactory,
    DiscoveryOutcomeFactory,
    DiscoveryRunFactory,
    FailoverJobFactory,
    NetworkMappingFactory,
    ProtectionFactory,
    RecoveryPlanFactory,
    RecoveryPlanRunFactory,
    ReplicationJobFactory,
    RestoreJobFactory,
    UserFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from inventory.keys import make_key
from tests.config.api.client import Refused, hub_of

pytestmark = pytest.mark.django_db
MARK = "theirs-and-nobody-elses"
FENCE = {"fence": 1}
REASON = {"reason": "because"}
PARAMETERS: dict[str, str] = {
    "context_id": "the VM's",
    "disk_id": "its disk's",
    "job": "a job's of the kind that the path is for",
    **dict.fromkeys(("key", "mapping", "network", "policy", "protection", "repository", "run"), "the row's"),
    **dict.fromkeys(("plan", "target", "vcenter"), "the row's"),
    "seq": "the number of a step of the run",
}
"""What a parameter of a path names. A new one is added here and to `theirs`."""


class Theirs:
    """Rows of an organisation that the caller is not in, one of each kind, and what calls would say of them."""

    def __init__(self) -> None:
        replication = ReplicationJobFactory.create(vm_context__name=MARK, status="running", engine="engine-1")
        vm, target = replication.vm_context, replication.target
        self.organization = vm.vcenter.organization
        VMDiskFactory.create(vm_context=vm, device_key=2000)
        VMNetworkInterfaceFactory.create(vm_context=vm, source_network_name=MARK)
        mapping = NetworkMappingFactory.create(vm_context=vm, purpose="live", source_network_name=MARK)
        backup = BackupJobFactory.create(vm_context=vm, status="completed")
        policy = BackupPolicyFactory.create(organization=self.organization, name=MARK)
        run = DiscoveryRunFactory.create(vcenter=vm.vcenter)
        DiscoveryOutcomeFactory.create(run=run, vm_context=vm)
        failover = FailoverJobFactory.create(vm_context=vm, target=target, status="completed")
        self.ids = {
            "context_id": vm.pk,
            "disk_id": "disk-2000",
            "key": make_key(self.organization, UserFactory.create(), MARK, ["read"]).row.pk,
            "mapping": mapping.pk,
            "network": mapping.target_network_id,
            "plan": (plan := RecoveryPlanFactory.create(organization=self.organization, name=MARK)).pk,
            "policy": policy.pk,
            "protection": ProtectionFactory.create(vm_context=vm, target=target).pk,
            "repository": backup.repository_id,
            "run": run.pk,
            "target": target.pk,
            "vcenter": vm.vcenter_id,
        }
        plan_run = RecoveryPlanRunFactory.create(plan=plan, status="completed")
        schedule = BackupScheduleFactory.create(vm_context=vm, repository=backup.repository)
        self.of_path = {"plan-runs": {"run": plan_run.pk, "seq": 1}, "backup-schedules": {"key": schedule.pk}}
        restore = RestoreJobFactory.create(backup=backup)
        self.jobs = {
            "backups": backup.pk,
            "evidence": failover.job_id,
            "failovers": failover.job_id,
            "jobs": replication.pk,
            "replications": replication.pk,
            "restores": restore.pk,
        }
        for row in (vm.vcenter, target, mapping.target_network, backup.repository):
            type(row).objects.filter(pk=row.pk).update(name=f"{MARK} {row.pk}")

    def path(self, path: str) -> str:
        first = path.split("/")[3]
        ids = {**self.ids, "job": self.jobs.get(first), **self.of_path.get(first, {})}
        return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)

    def bodies(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What each call with a body says; the rows that it names are theirs."""
        ids = self.ids
        vm, credential = {"context_id": ids["context_id"]}, {"credential_id": ids["vcenter"], "vm_names": [MARK]}
        network = {"target_network_id": ids["network"]}
        seen = {"version": 1}
        return {
            ("post", "jobs/{job}/heartbeat"): FENCE,
            ("post", "jobs/{job}/progress"): FENCE,
            ("post", "jobs/{job}/advance"): {**FENCE, "to": "replicating"},
            ("post", "jobs/{job}/complete"): FENCE,
            ("post", "jobs/{job}/fail"): {**FENCE, "code": "x", "message": "x"},
            ("post", "jobs/{job}/cancel"): REASON,
            ("post", "jobs/{job}/take-over"): REASON,
            ("post", "jobs/{job}/steps"): {**FENCE, "seq": 1, "status": "completed"},
            ("put", "jobs/{job}/disks/{disk_id}"): {**FENCE, "status": "completed"},
            ("put", "jobs/{job}/snapshots/{disk_id}"): {**FENCE, "status": "ready"},
            ("put", "jobs/{job}/volumes/{disk_id}"): {**FENCE, "status": "attached"},
            ("put", "jobs/{job}/destination"): {**FENCE, "destination_vm_id": "i-1"},
            ("post", "replications"): vm,
            ("post", "failovers"): {**vm, "kind": "test"},
            ("post", "failovers/{job}/cleanup"): REASON,
            ("post", "failovers/{job}/rollback"): REASON,
            ("post", "failovers/{job}/commit"): REASON,
            ("post", "vm-contexts/{context_id}/set-back"): REASON,
            ("post", "network-mappings"): {**vm, **network, "source_network_name": "x", "purpose": "live"},
            ("patch", "network-mappings/{mapping}"): {**network, **seen},
            ("post", "backups"): {**vm, "repository_id": ids["repository"]},
            ("post", "restores"): {"backup_id": self.jobs["backups"], "target": "/srv"},
            ("post", "prune/simulate"): vm,
            ("post", "discovery/add-vms"): credential,
            ("post", "discovery/preview"): credential,
            ("post", "discovery/runs"): credential,
            ("patch", "recovery-plans/{plan}"): {"name": "x", **seen},
            ("post", "recovery-plans/{plan}/runs"): {"kind": "test"},
            ("post", "plan-runs/{run}/steps/{seq}/confirm"): {"answer": "continue", **REASON},
            **{("post", f"plan-runs/{{run}}/{each}"): REASON for each in ("cancel", "cleanup", "rollback", "commit")},
            ("post", "backup-schedules"): {**vm, "repository_id": ids["repository"], "schedule": "0 1 * * *"},
            ("patch", "backup-schedules/{key}"): {"enabled": False, **seen},
            ("post", "protections"): {**vm, "target_id": ids["target"], "rpo_seconds": 900},
            ("post", "target-networks"): {"target_id": ids["target"], "external_id": "x", "name": "x"},
            **{
                ("patch", f"{path}/{{{name}}}"): seen
                for path, name in (
                    *(("vcenters", "vcenter"), ("targets", "target"), ("target-networks", "network")),
                    *(("repositories", "repository"), ("policies", "policy"), ("protections", "protection")),
                )
            },
        }


NAMES_NO_ROW = {
    ("post", "jobs/next"): {"kinds": ["replication", "failover", "backup", "restore"], "engine": "e"},
    ("post", "keys"): {"name": MARK, "scopes": ["read"]},
    ("post", "vcenters"): {"name": MARK},
    ("post", "targets"): {"name": MARK, "api_url": "https://c.example"},
    ("post", "repositories"): {"name": MARK, "kind": "nfs", "location": "/srv"},
    ("post", "policies"): {"name": MARK, "keep_last": 1},
    ("post", "recovery-plans"): {"name": MARK},
}
"""Calls that name no row: what they do is the caller's own, whatever the others have under the same name."""


def operations() -> list[tuple[str, str]]:
    return [
        (method, path.removeprefix("/api/v1/"))
        for path, found in api.get_openapi_schema()["paths"].items()
        for method in found
    ]


def counts() -> dict[str, Any]:
    labels = ("inventory", "replication", "failover", "backups", "jobs")
    found = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return {
        model._meta.db_table: list(model._base_manager.order_by("pk").values_list("pk", *stamps(model)))
        for model in found
    }


def stamps(model: type[models.Model]) -> list[str]:
    """What would change with any change of a row; the use of a key is noted with each call."""
    names = {field.name for field in model._meta.concrete_fields}
    return sorted(names & {"version", "status", "updated_at", "revoked_at", "fence", "runs_at"} - {"last_used_at"})


@pytest.mark.parametrize(("method", "path"), operations())
def test_nobody_learns_of_or_changes_anothers_rows(method, path):
    theirs = Theirs()
    mine = hub_of()
    names = re.findall(r"\{(\w+)\}", path)
    assert set(names) <= set(PARAMETERS), f"Say in PARAMETERS and in Theirs what {{{names}}} of {path} names."
    call = (method, path)
    bodies = {**theirs.bodies(), **NAMES_NO_ROW}
    assert method in ("get", "delete") or call in bodies, f"Say in bodies() or in NAMES_NO_ROW what {call} says."
    before = counts()
    address = theirs.path(f"/api/v1/{path}").removeprefix("/api/v1/")
    try:
        answer = mine.call(method.upper(), address, bodies.get(call))
    except Refused as refused:
        assert (refused.status, refused.code) == (404, "not_found"), refused
        # It names what was asked for, and no more: not what it is called there, and not whose it is.
        said = refused.message
        for asked in (theirs.ids["context_id"], *theirs.jobs.values()):
            said = said.replace(asked, "")
        assert MARK not in said
        assert theirs.organization.slug not in refused.message
        assert counts() == before
        return
    assert not names, f"{address} is answered to somebody of another organisation."
    assert method == "get" or call in NAMES_NO_ROW
    if method == "get":
        assert MARK not in json.dumps(answer)
        assert theirs.ids["context_id"] not in json.dumps(answer)
        assert nothing(answer), answer
        assert counts() == before
    else:
        assert {table: rows for table, rows in counts().items() if rows[: len(before[table])] != before[table]} == {}


def nothing(answer: Any) -> bool:
    """Whether an answer counts and lists nothing, except the caller's own key."""
    if isinstance(answer, dict) and "counts" in answer:
        return not any(answer["counts"].values()) and nothing(answer["items"])
    if isinstance(answer, dict):
        return nothing(answer["items"])
    return all("prefix" in each for each in answer)
