"""What readiness can find: each code once, with its severity, its sentence and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from failover.models import Purpose

TEST, LIVE = Purpose.TEST.value, Purpose.LIVE.value
BOTH = (TEST, LIVE)


class Severity(models.TextChoices):
    BLOCKER = "blocker"
    RISK = "risk"
    INFO = "info"


@dataclass(frozen=True)
class Code:
    """One thing that a check can find."""

    name: str
    severity: Severity
    kinds: tuple[str, ...]
    """The kinds of failover that it can concern."""
    sentence: str
    remedy: str
    unknown: str = ""
    """The sentence where the check could not be made; empty: it always can be."""
    may_be_overridden: bool = True
    """Whether a person with a reason may go on in spite of it."""


CODES: dict[str, Code] = {}


def _code(name: str, severity: Severity, kinds: tuple[str, ...], sentence: str, remedy: str, **more: Any) -> Code:
    CODES[name] = Code(name, severity, kinds, sentence, remedy, **more)
    return CODES[name]


_BLOCKER, _RISK, _INFO = Severity.BLOCKER, Severity.RISK, Severity.INFO

VM_AT_TARGET = _code(
    "VM.AT_TARGET",
    _BLOCKER,
    BOTH,
    "The VM runs at the target already.",
    "Protect it again, or set it back to its source with a reason.",
    may_be_overridden=False,
)
VM_ARCHIVED = _code(
    "VM.ARCHIVED",
    _BLOCKER,
    BOTH,
    "The VM context is archived.",
    "Discover the VM again; what is archived is kept as history only.",
    may_be_overridden=False,
)
VM_NOT_REPLICATED = _code(
    "VM.NOT_REPLICATED",
    _BLOCKER,
    BOTH,
    "No replication job of the VM has ever completed.",
    "Protect the VM and let its first replication complete.",
)
VM_SPEC_UNKNOWN = _code(
    "VM.SPEC_UNKNOWN",
    _BLOCKER,
    BOTH,
    "",
    "Run discovery against the vCenter of the VM, which knows its specification.",
    unknown="What the VM is made of is not known in full: {missing}.",
)
DISK_NO_VOLUME = _code(
    "DISK.NO_VOLUME",
    _BLOCKER,
    BOTH,
    "No target volume holds the copy of {subject}.",
    "Replicate the VM, which makes a volume for each of its disks.",
)
DISK_VOLUME_ERROR = _code(
    "DISK.VOLUME_ERROR",
    _BLOCKER,
    BOTH,
    "The target volume {volume} of {subject} reports an error.",
    "Repair or replace the volume in the target cloud, then replicate the VM in full.",
)
DISK_NOT_SYNCED = _code(
    "DISK.NOT_SYNCED",
    _BLOCKER,
    BOTH,
    "The newest copy of {subject} is not complete: it is {status}.",
    "Let a replication of the VM complete.",
)
DISK_NO_CHANGE_ID = _code(
    "DISK.NO_CHANGE_ID",
    _BLOCKER,
    BOTH,
    "{subject} has no valid change id{why}, so nothing shows that its copy is whole.",
    "Replicate the VM in full, which leaves a change id for each disk.",
)
DISK_REMOVED_AT_SOURCE = _code(
    "DISK.REMOVED_AT_SOURCE",
    _RISK,
    BOTH,
    "{subject} is gone from the source, and its target volume {volume} is still there.",
    "Detach the volume if the disk was removed on purpose; otherwise give the VM the disk back and run discovery.",
)
DISK_RESIZED = _code(
    "DISK.RESIZED",
    _BLOCKER,
    BOTH,
    "{subject} has {capacity} bytes now, and had {copied} when it was copied.",
    "Replicate the VM in full; its volume is then made in the new size.",
    unknown="The capacity of {subject} is not known, so nothing shows that its copy has its size.",
)
NIC_UNMAPPED = _code(
    "NIC.UNMAPPED",
    _BLOCKER,
    BOTH,
    "The source network {network} of {subject} has no network mapping.",
    "Set a network mapping for that network: for a test to an isolated one.",
)
NIC_NETWORK_UNKNOWN = _code(
    "NIC.NETWORK_UNKNOWN",
    _BLOCKER,
    BOTH,
    "",
    "Run discovery against the vCenter of the VM, or connect the network interface to a network there.",
    unknown="The source network of {subject} is not known, so it cannot be mapped.",
)
NIC_NONE = _code(
    "NIC.NONE",
    _RISK,
    BOTH,
    "No network interface of the VM is known: it would start without a network.",
    "Run discovery against the vCenter of the VM, if it has a network interface there.",
)
MAPPING_NOT_ISOLATED = _code(
    "MAPPING.NOT_ISOLATED",
    _BLOCKER,
    (TEST,),
    "The test mapping of {subject} leads to {network}, which {why}.",
    "Map it to a network that is isolated; a test must not reach production.",
    unknown="The test mapping of {subject} leads to {network}, of which it is not known whether it is isolated.",
    may_be_overridden=False,
)
MAPPING_OTHER_TARGET = _code(
    "MAPPING.OTHER_TARGET",
    _BLOCKER,
    BOTH,
    "The network mapping of {subject} leads to {network}, which is not in the VM's target.",
    "Map it to a network of the target that the VM is protected to.",
)
RPO_BREACHED = _code(
    "RPO.BREACHED",
    _RISK,
    BOTH,
    "The newest complete copy is {age} old, and may be {allowed}.",
    "Replicate the VM, or accept that what it did since then is lost.",
)
RPO_UNKNOWN = _code(
    "RPO.UNKNOWN",
    _BLOCKER,
    BOTH,
    "",
    "See whether the replication of the VM is enabled and its engine reports.",
    unknown="It cannot be told how old the newest complete copy is. {why}",
)
JOB_ACTIVE = _code(
    "JOB.ACTIVE",
    _BLOCKER,
    BOTH,
    "{kind} job {subject} works on the VM.",
    "Wait for its end, or end it.",
    may_be_overridden=False,
)
JOB_LOST = _code(
    "JOB.LOST",
    _BLOCKER,
    BOTH,
    "{kind} job {subject} works on the VM, and its engine is silent for longer than its lease.",
    "Take the job over, with a reason, and end it.",
    may_be_overridden=False,
)
TARGET_MISSING = _code(
    "TARGET.MISSING",
    _BLOCKER,
    BOTH,
    "The VM is protected to no target.",
    "Protect the VM: that names the target of its copies.",
    may_be_overridden=False,
)
TEST_NEVER = _code(
    "TEST.NEVER",
    _RISK,
    (LIVE,),
    "No test failover of the VM has passed yet.",
    "Run a test failover, and clean it up.",
)
TEST_STALE = _code(
    "TEST.STALE",
    _RISK,
    (LIVE,),
    "The newest test failover that passed ended on {at}, more than {days} days ago.",
    "Run a test failover, and clean it up.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found out about one VM, or that it could not be made."""

    code: Code
    kinds: tuple[str, ...]
    subject: str | None
    """The disk, the network interface, the source network or the job that it speaks of; None: the VM."""
    values: Mapping[str, Any]
    since: datetime | None = None
    """None where that is not known."""
    is_unknown: bool = False
    """The check could not be made."""

    @property
    def applies_to(self) -> str:
        return "both" if set(self.kinds) == set(BOTH) else self.kinds[0]

    @property
    def sentence(self) -> str:
        template = self.code.unknown if self.is_unknown else self.code.sentence
        return template.format(subject=self.subject, **self.values)

    def as_json(self) -> dict[str, Any]:
        """The form of the API, and of the evidence of a job."""
        return {
            "code": self.code.name,
            "severity": self.code.severity.value,
            "applies_to": self.applies_to,
            "unknown": self.is_unknown,
            "subject": self.subject,
            "message": self.sentence,
            "remedy": self.code.remedy,
            "since": None if self.since is None else self.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def found(
    code: Code,
    subject: str | None = None,
    *,
    kinds: Iterable[str] | None = None,
    since: datetime | None = None,
    **values: Any,
) -> Finding:
    return Finding(code, code.kinds if kinds is None else tuple(kinds), subject, values, since)


def not_known(code: Code, subject: str | None = None, **values: Any) -> Finding:
    """The check that would find this could not be made."""
    return Finding(code, code.kinds, subject, values, is_unknown=True)
