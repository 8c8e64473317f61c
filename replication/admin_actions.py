"""Replicating a VM, asked for by a person."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from config.jobs.admin_actions import JobAction, by
from inventory.models import Site
from replication.services.jobs import create_replication

TYPES = (("auto", "what has changed, where that can be told; else everything"), ("initial", "everything"))


class StartReplication(JobAction):
    name, label, done = "start-replication", "Replicate", "Replication asked for"
    permission = "replication.add_replicationjob"
    in_bulk = True

    def sentence(self, record: Any) -> str:
        if record is None:
            return "Creates a replication job for each of these VMs; an engine takes it and copies the disks."
        return (
            f"Creates a replication job for {record}; an engine takes it and copies all disks to the target. Nothing"
            " else works on the VM meanwhile."
        )

    def applies(self, record: Any) -> bool:
        return record.runs_at == Site.SOURCE and record.archived_at is None

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        return {"run_type": forms.ChoiceField(label="Copy", choices=TYPES)}

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> Any:
        return create_replication(record, by=by(request), run_type=said["run_type"], reason=reason)
